"""By which rules a guild counts: its time zone, leveling settings, ladder of levels, and what lies where."""

from collections.abc import Mapping

import msgspec

from api.errors import NotFound
from api.lib import times
from api.lib.shared import Shared
from api.members.levels import ladder
from api.members.rules import GuildRules
from api.postgres.change_watcher import Changes
from api.postgres.database import Connection, Database
from api.settings.builtin.leveling import LEVELING, LevelingSettings, leveling_settings
from api.settings.cache import MIB, SettingsCache

_READ = """
    SELECT g.name, g.timezone, s.overrides FROM guilds g
    LEFT JOIN guild_settings s ON s.guild_id = g.id AND s.module = 'leveling'
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""
_PARENTS = "SELECT channel_id, parent_id FROM guild_channels WHERE guild_id = $1 AND parent_id IS NOT NULL"
_DEFAULTS = leveling_settings(LEVELING.defaults)

_LEVELS = ladder(_DEFAULTS.curve, _DEFAULTS.max_level)

LARGEST = 16 * MIB  # 20,000 guilds, if one in ten has settings of its own

# In bytes, as measured: a guild's own object and name; what comes of overrides that no other guild may have, with sets
# and exact factors; and of a curve of its own, for each level.
_OWN = 120
_OVERRIDDEN, _PER_BYTE = 2350, 6
_PER_LEVEL = 42
_PER_PARENT = 150


class Rulebook:
    """The rules of guilds, remembered while nothing tells that they changed: another process's change
    counts after a second at most, one of this process at once."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._cache: SettingsCache[GuildRules] = SettingsCache(changes, _weight, LARGEST)

    def remembered(self, guild_id: int) -> GuildRules | None:
        """The rules, if they are in memory and may still be believed."""
        return self._cache.get(guild_id, "leveling")

    async def get(self, guild_id: int, connection: Connection | None = None) -> GuildRules:
        """The rules. Raises `NotFound`. Inside a transaction hand in its connection."""
        known = self._cache.get(guild_id, "leveling")
        if known is not None:
            return known
        with self._cache.watching(guild_id) as watch:
            if connection is not None:
                found = await _read(connection, guild_id)
            else:
                async with self._database.connection() as own:
                    found = await _read(own, guild_id)
            self._cache.put(guild_id, "leveling", found, watch)
        return found


async def _read(connection: Connection, guild_id: int) -> GuildRules:
    row = await connection.fetchrow(_READ, guild_id)
    if row is None:
        raise NotFound
    rules = _rules(guild_id, row["name"], row["timezone"], row["overrides"])
    if named := _named(rules.settings):
        parents = {row[0]: row[1] for row in await connection.fetch(_PARENTS, guild_id)}
        return msgspec.structs.replace(rules, parents=_within(named, parents))
    return rules


def _named(settings: LevelingSettings) -> set[int]:
    """The channels and categories that settings name."""
    multiplied = [each.channel_id for each in settings.channel_multipliers]
    return {int(id_) for id_ in (*settings.ignored_channel_ids, *settings.only_channel_ids, *multiplied)}


def _within(named: set[int], parents: Mapping[int, int]) -> dict[int, int]:
    """Parents of the channels, and threads, that lie in these: no others change what is decided."""
    return {channel: parent for channel, parent in parents.items() if parent in named or parents.get(parent) in named}


def _weight(rules: GuildRules) -> int:
    """About how many bytes it takes in memory."""
    weight: int = rules.settings.__dict__.get("weight", 0)
    weight += _PER_PARENT * len(rules.parents)
    return _OWN + weight + (0 if rules.ladder is _LEVELS else _PER_LEVEL * rules.ladder.top)


def _settings(overrides: str) -> LevelingSettings:
    """Of overrides as they are stored."""
    found = leveling_settings(LEVELING.effective(msgspec.json.decode(overrides)))
    found.__dict__["weight"] = _OVERRIDDEN + _PER_BYTE * len(overrides)
    return found


# Guilds that override the same share it.
_shared = Shared(_settings)


def _rules(guild_id: int, name: str, timezone: str, overrides: str | None) -> GuildRules:
    settings = _DEFAULTS if overrides is None or overrides == "{}" else _shared.of(overrides)
    return GuildRules(guild_id, name, times.zone(timezone), settings, ladder(settings.curve, settings.max_level))
