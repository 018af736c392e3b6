"""The cache of achievement indexes."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack

import asyncpg
import msgspec

from api.achievements import conditions, queries
from api.achievements.dtos import Condition
from api.achievements.index import AchievementIndex, Definition, State
from api.guilds.rules import INSTALLATION
from api.members.levels import LevelCurve
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection
from api.settings.builtin.achievements import ACHIEVEMENTS, achievement_settings
from api.settings.cache import MIB, SettingsCache

MOST_STATES = 50_000

_NAME = "achievements"
_DEFINITION_BYTES = 2700  # with its row, its condition and its thresholds

_condition = msgspec.json.Decoder(Condition).decode
_keys = msgspec.json.Decoder(list[str]).decode


class CachedIndex(msgspec.Struct, frozen=True):
    """A guild's index, and the rows that it was built from: the guild's own, or (for `INSTALLATION`) the whole
    installation's. Every read makes a new object, also if guilds share the index: a member's state belongs to one
    object."""

    index: AchievementIndex
    rows: tuple[asyncpg.Record, ...]


class AchievementIndexCache:
    """Achievement indexes in memory, until the change watcher invalidates them. A change of this process takes effect
    at once, one of another process after a second at most."""

    def __init__(self, watcher: ChangeWatcher) -> None:
        self._cache: SettingsCache[CachedIndex] = SettingsCache(watcher, _weight, 24 * MIB, also="achievement")
        self._states: OrderedDict[int, tuple[CachedIndex, LevelCurve, State]] = OrderedDict()

    async def of(self, guild_ids: Collection[int], connection: Connection) -> Mapping[int, CachedIndex]:
        """The index of each guild; an empty one if achievements are switched off. Two statements for all that are not
        cached."""
        found: dict[int, CachedIndex] = {}
        missing = []
        for guild_id in guild_ids:
            known = self._cache.get(guild_id, _NAME)
            if known is None:
                missing.append(guild_id)
            else:
                found[guild_id] = known
        if missing:
            found |= await self._read(missing, connection)
        return found

    async def _read(
        self, guild_ids: Sequence[int], connection: Connection, *, all_anew: bool = False
    ) -> Mapping[int, CachedIndex]:
        with ExitStack() as stack:
            watches = {id_: stack.enter_context(self._cache.watching(id_)) for id_ in (*guild_ids, INSTALLATION)}
            shared = None if all_anew else self._cache.get(INSTALLATION, _NAME)
            scopes = guild_ids if shared is not None else [*guild_ids, INSTALLATION]
            rows = await connection.fetch(queries.DEFINITIONS, scopes)
            settings = await connection.fetch(queries.SETTINGS, guild_ids, _NAME)
            if shared is None:
                everywhere = tuple(row for row in rows if row["guild_id"] is None)
                shared = CachedIndex(build_index(everywhere), everywhere)
                self._cache.put(INSTALLATION, _NAME, shared, watches[INSTALLATION])
            off = {row["guild_id"] for row in settings if not _is_enabled(row["overrides"])}
            found = {}
            for guild_id in guild_ids:
                own = tuple(row for row in rows if row["guild_id"] == guild_id)
                index = shared.index if not own else build_index((*shared.rows, *own))
                known = CachedIndex(AchievementIndex(()) if guild_id in off else index, own)
                self._cache.put(guild_id, _NAME, known, watches[guild_id])
                found[guild_id] = known
        return found

    async def fresh(
        self, guild_id: int, achievement_id: int, revision: int, connection: Connection
    ) -> AchievementIndex:
        """A guild's index with this achievement at this revision or a newer one. Reads again if the cached index is
        older, because another process may have changed the achievement a moment ago."""
        index = (await self.of([guild_id], connection))[guild_id].index
        known = next(index.of(index.bits.get(achievement_id, 0)), None)
        if known is not None and known.revision >= revision:
            return index
        return (await self._read([guild_id], connection, all_anew=True))[guild_id].index

    def state(self, member_id: int, known: CachedIndex, level_curve: LevelCurve) -> State:
        """The member's state; a new one if the index or the level curve is another object than it was computed from."""
        remembered = self._states.get(member_id)
        if remembered is not None and remembered[0] is known and remembered[1] is level_curve:
            return remembered[2]
        state = State()
        self._states[member_id] = known, level_curve, state
        self._states.move_to_end(member_id)
        if len(self._states) > MOST_STATES:
            self._states.popitem(last=False)
        return state


def _weight(known: CachedIndex) -> int:
    """About its bytes in memory. A guild without achievements of its own shares the installation's index."""
    return _DEFINITION_BYTES * len(known.index.definitions) if known.rows else 0


def _is_enabled(overrides: str) -> bool:
    return achievement_settings(ACHIEVEMENTS.effective(msgspec.json.decode(overrides))).enabled


def build_index(rows: Iterable[asyncpg.Record]) -> AchievementIndex:
    """The index of these rows. A guild's own achievement replaces the installation's with the same key."""
    # The last row with a key wins: deleted ones come first, then the installation's, then the guild's own.
    ordered = sorted(rows, key=lambda row: (row["deleted_at"] is None, row["guild_id"] is not None))
    by_key = {row["key"]: row for row in ordered}
    earned = [row for row in by_key.values() if row["deleted_at"] is None]
    return AchievementIndex([definition(row, by_key) for row in sorted(earned, key=lambda row: row["id"])])


def definition(row: asyncpg.Record, by_key: Mapping[str, asyncpg.Record]) -> Definition:
    """The row, compiled for evaluation."""
    condition = _condition(row["condition"])
    required = [by_key.get(key) for key in _keys(row["prerequisites"])]
    return Definition(
        id=row["id"],
        guild_id=row["guild_id"],
        key=row["key"],
        name=row["name"],
        hidden=row["hidden"],
        condition=condition,
        requires=tuple(None if each is None else each["id"] for each in required),
        reward_xp=row["reward_xp"],
        reward_role_id=row["reward_role_id"],
        revision=row["revision"],
        metrics=frozenset(conditions.metric(comparison) for comparison in conditions.comparisons(condition)),
    )
