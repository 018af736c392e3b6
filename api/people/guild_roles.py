"""Which roles a guild lets in beside those who manage it: its settings of the module `privacy`."""

from collections import OrderedDict

import msgspec

from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from api.settings.builtin.privacy import PRIVACY, privacy_settings
from api.settings.cache import MIB, SettingsCache

# How many guilds with such roles one person can have listed.
MOST_GUILDS = 25

REMEMBERED_LISTS = 2000

_READ = """
    SELECT s.overrides FROM guild_settings s JOIN guilds g ON g.id = s.guild_id AND g.deleted_at IS NULL
    WHERE s.guild_id = $1 AND s.module = 'privacy'
"""
_WITH_ROLES = """
    SELECT s.guild_id FROM guild_settings s JOIN guilds g ON g.id = s.guild_id AND g.deleted_at IS NULL
    WHERE s.module = 'privacy' AND s.guild_id = ANY($1) AND s.overrides <> '{}'::jsonb ORDER BY s.guild_id LIMIT $2
"""


class Admitted(msgspec.Struct, frozen=True):
    """Roles that may read, and roles that may write."""

    readers: frozenset[int]
    writers: frozenset[int]


NOBODY = Admitted(frozenset(), frozenset())


class GuildRoles:
    """Remembered while nothing tells that they changed: another process's change counts after a second at most."""

    def __init__(self, database: Database, watcher: ChangeWatcher) -> None:
        self._database = database
        self._watcher = watcher
        self._with_roles: OrderedDict[frozenset[int], list[int]] = OrderedDict()
        self._forgotten = 0
        watcher.subscribe(self._forget)
        self._cache: SettingsCache[Admitted] = SettingsCache(
            watcher, lambda roles: 60 * (len(roles.readers) + len(roles.writers)), 4 * MIB
        )

    async def get(self, guild_id: int) -> Admitted:
        """A guild's; those of a guild that is not there admit nobody."""
        known = self._cache.get(guild_id, PRIVACY.name)
        if known is not None:
            return known
        with self._cache.watching(guild_id) as watch:
            async with self._database.connection() as connection:
                overrides = await connection.fetchval(_READ, guild_id)
            found = NOBODY if overrides is None else _admitted(overrides)
            self._cache.put(guild_id, PRIVACY.name, found, watch)
        return found

    async def guilds_with_roles(self, guild_ids: frozenset[int]) -> list[int]:
        """Those of the guilds that may admit somebody by a role."""
        if not guild_ids:
            return []
        known = self._with_roles.get(guild_ids) if self._watcher.is_fresh() else None
        if known is not None:
            return known
        forgotten = self._forgotten
        async with self._database.connection() as connection:
            rows = await connection.fetch(_WITH_ROLES, sorted(guild_ids), MOST_GUILDS)
        found = [row["guild_id"] for row in rows]
        if forgotten == self._forgotten:
            self._with_roles[guild_ids] = found
            if len(self._with_roles) > REMEMBERED_LISTS:
                self._with_roles.popitem(last=False)
        return found

    def _forget(self, kind: str, _ids: set[int] | None) -> None:
        if kind in ("guild", "settings"):
            self._forgotten += 1
            self._with_roles.clear()


def _admitted(overrides: str) -> Admitted:
    settings = privacy_settings(PRIVACY.effective(msgspec.json.decode(overrides)))
    return Admitted(frozenset(map(int, settings.reader_role_ids)), frozenset(map(int, settings.writer_role_ids)))
