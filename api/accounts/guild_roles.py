"""The roles that a guild lets in, besides the people who manage it: settings of its module `privacy`."""

from collections import OrderedDict

import msgspec

from api.postgres.change_watcher import ChangeWatcher
from api.settings.builtin.privacy import PRIVACY, privacy_settings
from api.settings.cache import MIB, SettingsCache
from tables.settings import GuildSettings
from tables.sql import one_of

# How many guilds with such roles one person can have listed.
MOST_GUILDS = 25

REMEMBERED_LISTS = 2000

# Of the guilds that are not deleted.
_SETTINGS = (GuildSettings.module == PRIVACY.name) & GuildSettings.guild_id.deleted_at.is_null()


class Admitted(msgspec.Struct, frozen=True):
    """Roles that may read, and roles that may write."""

    readers: frozenset[int]
    writers: frozenset[int]


NOBODY = Admitted(frozenset(), frozenset())


class GuildRoles:
    """Roles in memory, until the change watcher invalidates them: a change of another process counts after a second at
    most."""

    def __init__(self, watcher: ChangeWatcher) -> None:
        self._watcher = watcher
        self._with_roles: OrderedDict[frozenset[int], list[int]] = OrderedDict()
        self._invalidations = 0
        watcher.subscribe(self._invalidate)
        self._cache: SettingsCache[Admitted] = SettingsCache(
            watcher, lambda roles: 60 * (len(roles.readers) + len(roles.writers)), 4 * MIB
        )

    async def get(self, guild_id: int) -> Admitted:
        """The roles of a guild; none for a guild that does not exist."""
        known = self._cache.get(guild_id, PRIVACY.name)
        if known is not None:
            return known
        with self._cache.watching(guild_id) as watch:
            query = GuildSettings.select(GuildSettings.overrides).where(_SETTINGS, GuildSettings.guild_id == guild_id)
            row = await query.first()
            found = NOBODY if row is None else _admitted(row["overrides"])
            self._cache.put(guild_id, PRIVACY.name, found, watch)
        return found

    async def guilds_with_roles(self, guild_ids: frozenset[int]) -> list[int]:
        """The guilds that may let somebody in by a role, with these roles."""
        if not guild_ids:
            return []
        known = self._with_roles.get(guild_ids) if self._watcher.is_fresh() else None
        if known is not None:
            return known
        invalidations = self._invalidations
        query = GuildSettings.select(GuildSettings.guild_id).where(_SETTINGS, GuildSettings.overrides != "{}")
        query = query.where(one_of(GuildSettings.guild_id, sorted(guild_ids)))
        rows = await query.order_by(GuildSettings.guild_id).limit(MOST_GUILDS)
        found = [row["guild_id"] for row in rows]
        if invalidations == self._invalidations:
            self._with_roles[guild_ids] = found
            if len(self._with_roles) > REMEMBERED_LISTS:
                self._with_roles.popitem(last=False)
        return found

    def _invalidate(self, kind: str, _ids: set[int] | None) -> None:
        if kind in ("guild", "settings"):
            self._invalidations += 1
            self._with_roles.clear()


def _admitted(overrides: str) -> Admitted:
    settings = privacy_settings(PRIVACY.effective(msgspec.json.decode(overrides)))
    return Admitted(frozenset(map(int, settings.reader_role_ids)), frozenset(map(int, settings.writer_role_ids)))
