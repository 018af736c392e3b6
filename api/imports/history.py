"""The import of events of any age, judged as a sequence of their own, in the order of time, whatever the file's order.

The events are first staged in a table with an index in that order, then counted from the earliest on, in batches. The
cooldown is the import's own: it neither depends on the live one nor changes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial

import asyncpg

from api.achievements.candidates import Moved
from api.achievements.unlocking import Unlocking
from api.activity import locks, unlocks
from api.activity.counting import Caps, Counting
from api.activity.dtos import Event, StatEvent, VoiceEvent
from api.activity.event_keys import key_of
from api.activity.event_names import store_names
from api.activity.peaks import Peaks
from api.activity.pieces import days as days_of
from api.activity.pieces import pieces
from api.activity.queries import EARNED
from api.activity.returns import welcome_back
from api.activity.rules import earning_of
from api.activity.stat_names import StatNames
from api.imports import history_queries as sql
from api.imports.staging import LATEST, advance, next_rows, parted, stage
from api.imports.work import Work
from api.lib.arrays import columns
from api.lib.clock import Clock
from api.members import ledger_queries
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.naming import KnownNames
from api.members.standings import Key, Standing, by_key, lock
from api.members.tombstones import refuse_erased
from api.members.totals import note_rewritten
from api.postgres.database import Connection, Database
from api.postgres.partitions import IMPORTED, Partitions, Wanted, around, hours_since


class Past(Ledger):
    """A ledger without hours that the upkeep would drop at once."""

    def __init__(self, oldest: datetime) -> None:
        super().__init__()
        self._oldest = oldest

    def row(self, standing: Standing, day: date, hour: datetime | None) -> list[int]:
        return super().row(standing, day, hour if hour is not None and hour >= self._oldest else None)


class History:
    def __init__(
        self,
        database: Database,
        leveling_configs: LevelingConfigCache,
        partitions: Partitions,
        unlocking: Unlocking,
        clock: Clock,
        hours: timedelta,
    ) -> None:
        """`hours`: how long activity by hour is kept."""
        self._database = database
        self._unlocking = unlocking
        self._leveling_configs = leveling_configs
        self._partitions = partitions
        self._clock = clock
        self._hours = hours

    async def run(self, work: Work) -> None:
        """Does the rest of the import. Raises `Broken`, `LeaseLost`, `NotFound`."""
        config = await self._leveling_configs.get(work.guild_id)
        await stage(work, self._clock.now() + LATEST, config, StatNames(self._database))
        total = work.position - work.refused
        while rows := await next_rows(self._database, work):
            for part, events in parted(rows, 2 * work.pace.size):
                config = await self._leveling_configs.get(work.guild_id)
                await self._count(work, config, part, events, total)
        await self._mend_streaks(work)

    async def _count(
        self,
        work: Work,
        config: LevelingConfig,
        rows: Sequence[asyncpg.Record],
        events: Mapping[str, Event],
        total: int,
    ) -> None:
        wanted = _wanted(config, events.values(), self._clock.now(), self._hours)
        await self._partitions.write(wanted, lambda: self._count_once(work, config, events, rows, total))

    async def _count_once(
        self,
        work: Work,
        config: LevelingConfig,
        events: Mapping[str, Event],
        rows: Sequence[asyncpg.Record],
        total: int,
    ) -> None:
        # Exclusive: requests that record events cannot see the ids of this import before its commit.
        async with work.paced_step(len(rows), begin=locks.share([work.guild_id], alone=True)) as connection:
            users = [int(event.user_id) for event in events.values()]
            times = [event.occurred_at for event in events.values()]
            keyed = {key_of(id_): event for id_, event in events.items()}
            taken = await connection.fetch(sql.DEDUPLICATE, work.guild_id, list(keyed), users, IMPORTED, times)
            fresh = [keyed[row["id"].hex] for row in taken]
            if fresh:
                await self._store(connection, work, config, fresh)
            work.imported += len(fresh)
            work.unchanged += len(rows) - len(fresh)
            advance(work, rows, total)

    async def _mend_streaks(self, work: Work) -> None:
        """Corrects the streaks of members who had days after the imported ones: only the stored days can say."""
        config = await self._leveling_configs.get(work.guild_id)
        async with self._database.transaction("SET LOCAL statement_timeout = '10min'") as connection:
            await connection.execute(sql.FIND_RUNS, work.id, work.guild_id, config.skipped_days, timeout=610)
        after: int | None = 0
        while after is not None:
            mend = partial(self._mend, work, await self._leveling_configs.get(work.guild_id), after)
            after = await self._partitions.write(around(self._clock.now()), mend)

    async def _mend(self, work: Work, config: LevelingConfig, after: int) -> int | None:
        """Corrects a batch of streaks. Returns the last member; None when there are no more."""
        size = work.pace.size
        async with work.paced_step(size, begin=locks.share([work.guild_id], alone=True)) as connection:
            rows = await connection.fetch(sql.MEND_RUNS, work.id, work.guild_id, after, size, config.skipped_days)
            await self._award_streaks(connection, config, [row["user_id"] for row in rows])
        return rows[-1]["user_id"] if rows else None

    async def _award_streaks(self, connection: Connection, config: LevelingConfig, user_ids: Sequence[int]) -> None:
        if user_ids and await self._unlocking.guilds_with_achievements(connection, {config.guild_id}):
            keys = columns([(config.guild_id, user_id) for user_id in user_ids], 2)
            standings = by_key(await connection.fetch(ledger_queries.LOCK, *keys))
            moved = [Moved(config, standing, frozenset({"streak"})) for standing in standings.values()]
            await self._unlocking.evaluate_and_store(connection, moved, Ledger(), self._clock.now(), KnownNames())

    async def _store(self, connection: Connection, work: Work, config: LevelingConfig, events: Sequence[Event]) -> None:
        """Counts new events, with the cooldown of this import alone, and awards what they earned."""
        now = self._clock.now()
        users = sorted({int(event.user_id) for event in events})
        standings = await lock(connection, [(config.guild_id, user_id) for user_id in users])
        await refuse_erased(connection, standings, lambda: _oldest(config.guild_id, events))
        await welcome_back(
            connection, ((standings[config.guild_id, event.user_id], event.occurred_at) for event in events)
        )
        live = {standing.user_id: standing.last_xp_at for standing in standings.values()}
        own = {row[0]: row[1] for row in await connection.fetch(sql.COOLDOWNS, work.id, users)}
        for standing in standings.values():
            standing.last_xp_at = own.get(standing.user_id)
        requests = [(config, events)]
        names = await store_names(connection, requests, standings)
        ledger = Past(hours_since(now, self._hours))
        counting = Counting(standings, await caps(connection, config, events), ledger)
        peaks = Peaks(counting, standings)
        peaks.count(config, events)
        late = {each.standing.user_id for each in counting.late}
        rows = [(each.user_id, each.last_xp_at, each.user_id in late) for each in standings.values()]
        await connection.execute(sql.KEEP_MEMBERS, work.id, *zip(*sorted(rows, key=lambda row: row[0]), strict=True))
        for standing in standings.values():
            standing.last_xp_at = live[standing.user_id]
        await unlocks.evaluate_and_store(self._unlocking, connection, requests, standings, peaks, ledger, now, names)
        await note_rewritten(connection, config.guild_id, min(ledger.days(), default=now.date()))


def _wanted(config: LevelingConfig, events: Iterable[Event], now: datetime, kept: timedelta) -> Wanted:
    """`kept`: how long activity by hour is kept. Rewards belong to now."""
    days, hours, stat_days = set(around(now)["activity_days"]), set(around(now)["activity_hours"]), set()
    for event in events:
        day, hour = config.place_of(event.occurred_at)
        places = [piece[:2] for piece in pieces(config, event)] if isinstance(event, VoiceEvent) else [(day, hour)]
        days |= {each for each, _ in places}
        hours |= {each.date() for _, each in places if each >= hours_since(now, kept)}
        if isinstance(event, StatEvent):
            stat_days.add(day)
    return {"activity_days": days, "activity_hours": hours, "custom_stat_days": stat_days}


async def caps(connection: Connection, config: LevelingConfig, events: Iterable[Event]) -> Caps:
    """The XP that the daily caps have counted already, for these members and days."""
    if earning_of(config).cap is None:
        return {}
    wanted = {(config.guild_id, day, int(event.user_id)) for event in events for day in days_of(config, event)}
    rows = await connection.fetch(EARNED, *zip(*wanted, strict=True))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _oldest(guild_id: int, events: Iterable[Event]) -> dict[Key, datetime]:
    """The time of each member's first event."""
    found: dict[Key, datetime] = {}
    for event in events:
        key = guild_id, int(event.user_id)
        found[key] = min(found.get(key, event.occurred_at), event.occurred_at)
    return found
