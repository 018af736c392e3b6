"""Staging: the events of a file in a table with an index in the order of time, and reading them from there."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import asyncpg
import msgspec

from api.activity.dtos import Event, StatEvent, VoiceEvent
from api.activity.rules import range_fault
from api.activity.stat_names import TOO_MANY, StatNames
from api.imports import history_queries as sql
from api.imports import rules
from api.imports.decoding import Refused, decoded
from api.imports.reading import leniently
from api.imports.work import Numbered, Work
from api.lib.faults import Fault
from api.lib.whole_numbers import decoder
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Database
from api.postgres.partitions import EARLIEST

STAGING_BATCH_SIZE = 5000  # it locks nothing that others need

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
                records.append((event.occurred_at, event.id, number, data))
        work.reached_byte(STAGING_SHARE)
        async with work.step(upto=batch[-1][0], kept=True) as connection:
            await connection.execute(sql.STAGE, work.id, *(zip(*records, strict=True) if records else ((),) * 4))
    async with work.step(kept=True):
        work.reached = msgspec.json.encode(Reached()).decode()


async def next_rows(database: Database, work: Work) -> list[asyncpg.Record]:
    """The next events in the order of time. Raises `CredentialEnded`."""
    await work.renew_rights()
    last = reached(work.reached or "{}")
    async with database.connection() as connection:
        return await connection.fetch(sql.NEXT, work.id, last.at, last.id, last.n, work.pace.size)


def parted(rows: Sequence[asyncpg.Record], most: int) -> Iterator[tuple[list[asyncpg.Record], dict[str, Event]]]:
    """The rows in parts that are counted at once: a voice session is as much as the hours that it lasted into, and a
    part at most about `most` of them."""
    part, events, weight = list[asyncpg.Record](), dict[str, Event](), 0
    for row in rows:
        event = decode(row["data"])
        part.append(row)
        events.setdefault(row["id"], event)
        weight += 2 + event.seconds // 3600 if isinstance(event, VoiceEvent) else 1
        if weight >= most:
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
        raise Refused("/occurred_at", "is in the future")
    if event.occurred_at < _EARLIEST:
        raise Refused("/occurred_at", f"is before {EARLIEST}, the first day that can be stored")
    if (fault := range_fault(event)) is not None:
        raise Refused(f"/{fault[0]}", fault[1])
    return event
