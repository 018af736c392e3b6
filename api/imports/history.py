"""The import of events of any age, judged as a sequence of their own, in the order of time, whatever the file's order.

The events are first staged in a table with an index in that order, then counted from the earliest on, in batches. The
cooldown is the import's own: it neither depends on the live one nor changes it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import asyncpg
import msgspec

from api.achievements.unlocking import Moved, Unlocking
from api.activity import locks, unlocks
from api.activity.counting import Caps, Counting
from api.activity.dtos import Event, StatEvent, VoiceEvent
from api.activity.peaks import Peaks
from api.activity.pieces import days as days_of
from api.activity.pieces import pieces
from api.activity.queries import EARNED, HIDDEN
from api.activity.rules import earning_of, range_fault
from api.activity.stat_names import TOO_MANY, StatNames
from api.imports import history_sql as sql
from api.imports import rules
from api.imports.decoding import Refused, decoded
from api.imports.reading import leniently
from api.imports.work import Numbered, Work
from api.lib.arrays import columns
from api.lib.clock import Clock
from api.lib.faults import Fault
from api.lib.whole_numbers import decoder
from api.members import ledger_sql
from api.members.ledger import Key, Ledger, Standing, by_key, lock
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.tombstones import refuse_erased
from api.members.totals import note_rewritten
from api.postgres.database import Connection, Database
from api.postgres.partitions import EARLIEST, IMPORTED, Partitions, Wanted, around, hours_since

STAGING_BATCH_SIZE, COUNTING_BATCH_SIZE, HOURS_BATCH_SIZE, STREAKS_BATCH_SIZE = 5000, 2000, 4000, 1000

LATEST = timedelta(minutes=5)
_EARLIEST = datetime.combine(EARLIEST, time(), UTC)

STAGING_SHARE = 0.3  # of the progress

decode: Callable[[bytes], Event] = leniently(decoder(Event))


class Reached(msgspec.Struct, frozen=True):
    """The event that was counted last; while events are staged, none is."""

    at: datetime = datetime(1, 1, 2, tzinfo=UTC)
    id: str = ""
    n: int = 0
    counted: int = 0


reached = msgspec.json.Decoder(Reached).decode


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
            for part, events in parted(rows):
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
        async with work.step(begin=locks.share([work.guild_id], alone=True)) as connection:
            users = [int(event.user_id) for event in events.values()]
            times = [event.occurred_at for event in events.values()]
            taken = await connection.fetch(sql.DEDUPLICATE, work.guild_id, list(events), users, IMPORTED, times)
            fresh = [events[row["id"]] for row in taken]
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
        async with work.step(begin=locks.share([work.guild_id], alone=True)) as connection:
            rows = await connection.fetch(
                sql.MEND_RUNS, work.id, work.guild_id, after, STREAKS_BATCH_SIZE, config.skipped_days
            )
            await self._award_streaks(connection, config, [row["user_id"] for row in rows])
        return rows[-1]["user_id"] if rows else None

    async def _award_streaks(self, connection: Connection, config: LevelingConfig, user_ids: Sequence[int]) -> None:
        if user_ids and await self._unlocking.guilds_with_achievements(connection, {config.guild_id}):
            keys = columns([(config.guild_id, user_id) for user_id in user_ids], 2)
            standings = by_key(await connection.fetch(ledger_sql.LOCK, *keys))
            moved = [Moved(config, standing, frozenset({"streak"})) for standing in standings.values()]
            await self._unlocking.evaluate_and_store(connection, moved, Ledger(), self._clock.now())

    async def _store(self, connection: Connection, work: Work, config: LevelingConfig, events: Sequence[Event]) -> None:
        """Counts new events, with the cooldown of this import alone, and awards what they earned."""
        now = self._clock.now()
        users = sorted({int(event.user_id) for event in events})
        standings = await lock(connection, [(config.guild_id, user_id) for user_id in users])
        await refuse_erased(connection, standings, lambda: _oldest(config.guild_id, events))
        await _welcome_back(connection, config.guild_id, events, standings)
        live = {standing.user_id: standing.last_xp_at for standing in standings.values()}
        own = {row[0]: row[1] for row in await connection.fetch(sql.COOLDOWNS, work.id, users)}
        for standing in standings.values():
            standing.last_xp_at = own.get(standing.user_id)
        ledger = Past(hours_since(now, self._hours))
        counting = Counting(standings, await caps(connection, config, events), ledger)
        peaks = Peaks(counting, standings)
        peaks.count(config, events)
        late = {each.standing.user_id for each in counting.late}
        rows = [(each.user_id, each.last_xp_at, each.user_id in late) for each in standings.values()]
        await connection.execute(sql.KEEP_MEMBERS, work.id, *zip(*sorted(rows, key=lambda row: row[0]), strict=True))
        for standing in standings.values():
            standing.last_xp_at = live[standing.user_id]
        await unlocks.evaluate_and_store(self._unlocking, connection, [(config, events)], standings, peaks, ledger, now)
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


async def stage(work: Work, latest: datetime, config: LevelingConfig, stat_names: StatNames) -> None:
    """Stages all events of the file; refuses invalid ones."""
    if work.reached is not None:
        return
    async for batch in work.batches(rules.reader_of("events"), STAGING_BATCH_SIZE):
        sound: list[tuple[int, Event, bytes]] = []
        for number, event, data in await asyncio.to_thread(_sound_ones, batch, latest):
            if isinstance(event, Fault):
                work.refuse(number, event)
            else:
                sound.append((number, event, data))
        names = stat_names.unknown(config, (event for _, event, _ in sound))
        beyond = await stat_names.of_import(config, names, work.tried_stats if work.dry_run else None)
        records = []
        for number, event, data in sound:
            if isinstance(event, StatEvent) and event.stat in beyond:
                work.refuse(number, Fault("/stat", TOO_MANY))
            else:
                records.append((work.id, event.occurred_at, event.id, number, data))
        work.reached_byte(STAGING_SHARE)
        async with work.step(upto=batch[-1][0], kept=True) as connection:
            await connection.copy_records_to_table("import_events", records=records, columns=sql.EVENT_COLUMNS)
    async with work.step(kept=True):
        work.reached = msgspec.json.encode(Reached()).decode()


async def next_rows(database: Database, work: Work) -> list[asyncpg.Record]:
    """The next events in the order of time. Raises `CredentialEnded`."""
    await work.renew_rights()
    last = reached(work.reached or "{}")
    async with database.connection() as connection:
        return await connection.fetch(sql.NEXT, work.id, last.at, last.id, last.n, COUNTING_BATCH_SIZE)


def parted(rows: Sequence[asyncpg.Record]) -> Iterator[tuple[list[asyncpg.Record], dict[str, Event]]]:
    """The rows in parts that are counted at once: a voice session is as much as the hours that it lasted into."""
    part, events, weight = list[asyncpg.Record](), dict[str, Event](), 0
    for row in rows:
        event = decode(row["data"])
        part.append(row)
        events.setdefault(row["id"], event)
        weight += 2 + event.seconds // 3600 if isinstance(event, VoiceEvent) else 1
        if weight >= HOURS_BATCH_SIZE:
            yield part, events
            part, events, weight = [], {}, 0
    if part:
        yield part, events


def advance(work: Work, rows: Sequence[asyncpg.Record], total: int) -> None:
    """Moves the position behind these events."""
    last, counted = rows[-1], reached(work.reached or "{}").counted + len(rows)
    work.reached = msgspec.json.encode(Reached(last["occurred_at"], last["id"], last["n"], counted)).decode()
    work.progress = max(work.progress, STAGING_SHARE + (1 - STAGING_SHARE) * counted / max(total, 1))


def _sound_ones(batch: Sequence[Numbered], latest: datetime) -> list[tuple[int, Event | Fault, bytes]]:
    """Each event, or its fault, with its size in bytes. Runs in a thread: a line may have 4 MiB."""
    found: list[tuple[int, Event | Fault, bytes]] = []
    for number, row in batch:
        data = row[1] if isinstance(row, tuple) else b""
        try:
            found.append((number, _sound(data, latest), data))
        except Refused as refused:
            found.append((number, refused.fault, data))
    return found


def _sound(data: bytes, latest: datetime) -> Event:
    event = decoded(data, decode)
    if event.occurred_at > latest:
        raise Refused("/occurred_at", "lies in the future")
    if event.occurred_at < _EARLIEST:
        raise Refused("/occurred_at", f"lies before {EARLIEST}, the first day that can be stored")
    if (fault := range_fault(event)) is not None:
        raise Refused(f"/{fault[0]}", fault[1])
    return event


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


async def _welcome_back(
    connection: Connection, guild_id: int, events: Iterable[Event], standings: Mapping[Key, Standing]
) -> None:
    """A member who had left and has a later event is back, and on the boards again unless hidden."""
    back = {}
    for event in events:
        standing = standings[guild_id, event.user_id]
        if standing.left_at is not None and event.occurred_at > standing.left_at:
            back[standing.user_id] = standing
    if not back:
        return
    hidden = {row[0] for row in await connection.fetch(HIDDEN, list(back))}
    for standing in back.values():
        standing.left_at = None
        standing.is_ranked = standing.user_id not in hidden
