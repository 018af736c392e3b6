"""The names of a guild's own stats. Their number is bounded, because each name has a row for each member and day.

A name is registered before its first event is recorded, in a transaction of its own. Registrations of one guild run one
at a time, so the bound is exact; recording does not wait for them. A name stays, even if that event is not recorded in
the end."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import asyncpg

from api.activity import locks, queries
from api.activity.dtos import Event, StatEvent
from api.errors import NotFound
from api.lib.keyed_locks import KeyedLocks
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection, Database

MOST: Final = 200  # of a guild
TOO_MANY = f"is a new stat, and this guild already has {MOST}"

_REMEMBERED = 50_000  # names, of all guilds: 7 MB


class StatNames:
    def __init__(self, database: Database) -> None:
        self._database = database
        # With the leveling config of that time: a guild that was purged and made again has a new one.
        self._remembered: dict[int, tuple[LevelingConfig, set[str]]] = {}
        self._count = 0
        self._namers = KeyedLocks()  # waiting here holds no connection

    def unknown(self, config: LevelingConfig, events: Iterable[Event]) -> list[str]:
        """The stats of these events that are not cached as the guild's, in the order of the events."""
        found = {event.stat: None for event in events if type(event) is StatEvent}
        if not found:
            return []
        known = self._known(config)
        return [name for name in found if name not in known]

    async def register(self, config: LevelingConfig, names: Collection[str]) -> set[str]:
        """Registers these stats, the first ones first. Returns those beyond the bound. Sent twice, the second time
        registers nothing. Raises `NotFound` for a guild that is gone."""
        async with self._namers.hold(config.guild_id):
            names = [name for name in names if name not in self._known(config)]  # by now
            async with self._database.connection() as connection:
                new, room = await self._look_up(connection, config, names)
            if new and room:
                # Another request may have registered names meanwhile.
                async with self._database.transaction(locks.name_stats(config.guild_id)) as connection:
                    new, room = await self._look_up(connection, config, names)
                    try:
                        await connection.execute(queries.REGISTER_STATS, config.guild_id, new[:room])
                    except asyncpg.ForeignKeyViolationError:
                        raise NotFound from None
                self._remember(config, new[:room])
        return set(new[room:])

    async def of_import(self, config: LevelingConfig, names: Collection[str], tried: set[str] | None) -> set[str]:
        """`register`, or for a dry run, which has `tried`, `beyond`."""
        if not names:
            return set()
        return await (self.register(config, names) if tried is None else self.beyond(config, names, tried))

    async def beyond(self, config: LevelingConfig, names: Collection[str], tried: set[str]) -> set[str]:
        """The names beyond the bound, without registering. `tried`: new names that had room before; those of now are
        added."""
        async with self._database.connection() as connection:
            new, room = await self._look_up(
                connection, config, [*tried, *(name for name in names if name not in tried)]
            )
        tried |= set(new[:room])
        return set(new[room:])

    async def _look_up(
        self, connection: Connection, config: LevelingConfig, names: Collection[str]
    ) -> tuple[Sequence[str], int]:
        """The names that the guild does not have, and how many more it may have."""
        row = await connection.fetchrow(queries.LOOK_UP_STATS, config.guild_id, list(names), MOST)
        assert row is not None  # it gives its row
        known = set(row["known"])
        self._remember(config, known)
        return [name for name in names if name not in known], MOST - row["count"]

    def _known(self, config: LevelingConfig) -> Collection[str]:
        found = self._remembered.get(config.guild_id)
        return () if found is None or found[0] is not config else found[1]

    def _remember(self, config: LevelingConfig, names: Collection[str]) -> None:
        """Caches the names, and evicts the guilds that were cached first."""
        known = {*self._known(config), *names}
        self._evict(config.guild_id)
        self._remembered[config.guild_id] = config, known
        self._count += len(known)
        while self._count > _REMEMBERED:
            self._evict(next(iter(self._remembered)))

    def _evict(self, guild_id: int) -> None:
        found = self._remembered.pop(guild_id, None)
        self._count -= 0 if found is None else len(found[1])
