"""The cache of guilds' leveling configs."""

from collections.abc import Mapping

import msgspec

from api.errors import NotFound
from api.lib import times
from api.lib.shared import Shared
from api.members import queries as sql
from api.members.leveling_config import LevelingConfig
from api.members.levels import level_curve
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from api.settings.builtin.leveling import LEVELING, LevelingSettings, leveling_settings
from api.settings.cache import MIB, SettingsCache

_DEFAULTS = leveling_settings(LEVELING.defaults)

_LEVELS = level_curve(_DEFAULTS.curve, _DEFAULTS.max_level)

LARGEST = 16 * MIB  # 20,000 guilds, if one in ten has settings of its own

# In bytes, as measured: a guild's own object and name; its overrides as sets and exact factors, which no other guild
# may share; and its own curve, for each level.
_OWN = 120
_OVERRIDDEN, _PER_BYTE = 2350, 6
_PER_LEVEL = 42
_PER_PARENT = 150


class LevelingConfigCache:
    """Leveling configs in memory, until the change watcher invalidates them: a change of this process counts at once,
    one of another process after a second at most."""

    def __init__(self, database: Database, watcher: ChangeWatcher) -> None:
        self._database = database
        self._cache: SettingsCache[LevelingConfig] = SettingsCache(watcher, _weight, LARGEST)

    def cached(self, guild_id: int) -> LevelingConfig | None:
        """The config, if it is in memory and fresh."""
        return self._cache.get(guild_id, "leveling")

    async def get(self, guild_id: int, connection: Connection | None = None) -> LevelingConfig:
        """The config. Inside a transaction, pass its connection. Raises `NotFound`."""
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


async def _read(connection: Connection, guild_id: int) -> LevelingConfig:
    row = await connection.fetchrow(sql.READ_LEVELING_CONFIG, guild_id)
    if row is None:
        raise NotFound
    config = _config(guild_id, row["name"], row["timezone"], row["overrides"])
    if named := _named(config.settings):
        parents = {row[0]: row[1] for row in await connection.fetch(sql.CHANNEL_PARENTS, guild_id)}
        return msgspec.structs.replace(config, parents=_within(named, parents))
    return config


def _named(settings: LevelingSettings) -> set[int]:
    """The channels and categories that settings name."""
    multiplied = [each.channel_id for each in settings.channel_multipliers]
    return {int(id_) for id_ in (*settings.ignored_channel_ids, *settings.only_channel_ids, *multiplied)}


def _within(named: set[int], parents: Mapping[int, int]) -> dict[int, int]:
    """Parents of the channels, and threads, that lie in these: no others change what is decided."""
    return {channel: parent for channel, parent in parents.items() if parent in named or parents.get(parent) in named}


def _weight(config: LevelingConfig) -> int:
    """About how many bytes it takes in memory."""
    weight: int = config.settings.__dict__.get("weight", 0)
    weight += _PER_PARENT * len(config.parents)
    return _OWN + weight + (0 if config.level_curve is _LEVELS else _PER_LEVEL * config.level_curve.top)


def _settings(overrides: str) -> LevelingSettings:
    """Of overrides as they are stored."""
    found = leveling_settings(LEVELING.effective(msgspec.json.decode(overrides)))
    found.__dict__["weight"] = _OVERRIDDEN + _PER_BYTE * len(overrides)
    return found


# Guilds that override the same share it.
_shared = Shared(_settings)


def _config(guild_id: int, name: str, timezone: str, overrides: str | None) -> LevelingConfig:
    settings = _DEFAULTS if overrides is None or overrides == "{}" else _shared.of(overrides)
    return LevelingConfig(
        guild_id, name, times.zone(timezone), settings, level_curve(settings.curve, settings.max_level)
    )
