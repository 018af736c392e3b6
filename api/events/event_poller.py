"""Reads the stream: what is new, once for all streams of this process, and what a client missed.

One connection of its own, as the change watcher has. Five times a second, and at once when a notification
wakes it, it has what was committed numbered (`guildhall_number_events`; at first all that is there, whatever a restored
backup says of it), and reads what comes after the last position that it gave out. Positions become visible in their
order, so there is nothing to skip; whatever connection was lost meanwhile, the next look goes on where the last one
ended."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import structlog

from api.events.broadcaster import Broadcaster, Filter
from api.events.frames import COLUMNS, SOURCE, Event
from api.postgres.connections import connect
from api.postgres.database import AWAY, Database
from api.postgres.partitions import is_missing_partition

log = structlog.get_logger("guildhall.events")

# What people change wakes by the first, which the caches live on; numbering wakes the other processes.
CHANNELS = ("guildhall", "guildhall_stream")
INTERVAL = 0.2
LEAST_INTERVAL = 0.05  # many changes a second wake us at most so often
TIMEOUT = 4.0
BATCH_SIZE = 1000

# Looked through by one statement for a client that wants few of many.
SCAN_SIZE = 20_000
PAGE = 500

_NUMBER = "SELECT guildhall_number_events($1, $2)"
_NEW = f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.position > $1 ORDER BY e.position LIMIT {BATCH_SIZE}"
_MISSED = f"""
    SELECT {COLUMNS} FROM {SOURCE}
    WHERE e.position > $1 AND e.position <= $2
      AND (e.guild_id IS NULL OR $3::bigint[] IS NULL OR e.guild_id = ANY($3))
      AND ($4::text[] IS NULL OR e.type = ANY($4))
    ORDER BY e.position LIMIT {PAGE}
"""
_BOUNDS = """
    SELECT newest, coalesce((SELECT min(position) FROM stream_events), newest + 1)
    FROM stream_position ORDER BY round DESC LIMIT 1
"""


class EventPoller:
    """What this process reads for all its streams."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Has it look at once."""
        self._woken.set()

    async def run(self, arguments: Mapping[str, Any]) -> None:  # Any: asyncpg's own keyword arguments
        """Looks for ever; connects again when the connection is lost."""
        while True:
            try:
                await self._poll_while_connected(arguments)
            except (*AWAY, TimeoutError, asyncpg.PostgresError) as error:
                log.warning("the event poller lost its connection", error=repr(error)[:200])
            except Exception:
                log.exception("the event poller failed")
            await asyncio.sleep(INTERVAL)

    async def _poll_while_connected(self, arguments: Mapping[str, Any]) -> None:  # Any: the same
        async with asyncio.timeout(TIMEOUT):
            connection = await connect(**arguments)
        try:
            await connection.execute("SET application_name = 'guildhall events'")  # for who looks at pg_stat_activity
            own = connection.get_server_pid()

            def wake(_connection: object, pid: int, _channel: str, _payload: object) -> None:
                if pid != own:  # our own numbering, which we read at once, has nothing new for us
                    self._woken.set()

            for channel in CHANNELS:
                await connection.add_listener(channel, wake)
            is_first = True
            while True:
                self._woken.clear()
                may_be_more = await self._poll(connection, afresh=is_first)
                is_first = False
                if may_be_more:
                    continue
                await asyncio.sleep(LEAST_INTERVAL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await self._woken.wait()
        finally:
            connection.terminate()

    async def _poll(self, connection: "asyncpg.Connection[asyncpg.Record]", *, afresh: bool) -> bool:
        """Whether there may be more at once."""
        broadcaster = self._broadcaster
        started = time.monotonic()
        newest = await _number(connection, afresh=afresh)
        if (
            broadcaster.position is None or broadcaster.position > newest
        ):  # the first look, or a database that was restored
            if broadcaster.position is not None:
                broadcaster.end_all()  # what they had is another's
            broadcaster.position = newest
        rows = []
        if newest > broadcaster.position:
            rows = await connection.fetch(_NEW, broadcaster.position, timeout=TIMEOUT)
            broadcaster.publish([Event(row) for row in rows])
        broadcaster.polled_at = started
        return len(rows) == BATCH_SIZE


async def _number(connection: "asyncpg.Connection[asyncpg.Record]", *, afresh: bool) -> int:
    """Has what was committed numbered. The newest position."""
    try:
        return int(await connection.fetchval(_NUMBER, BATCH_SIZE, afresh, timeout=TIMEOUT))
    except asyncpg.CheckViolationError as error:  # today's part was dropped by a process whose clock is days ahead
        if not is_missing_partition(error):
            raise
    return int(await connection.fetchval(_NUMBER, BATCH_SIZE, afresh, timeout=TIMEOUT))


async def bounds(database: Database) -> tuple[int, int]:
    """The newest position, and the oldest that is kept (one more than the newest where nothing is)."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_BOUNDS)
    assert row is not None  # it has one row
    return row[0], row[1]


async def missed(database: Database, wanted: Filter, after: int, upto: int) -> AsyncIterator[list[bytes]]:
    """What it is sent of what comes after one position, up to and with another, a page at a time; the connection is
    given back before a page is."""
    seen = wanted.credential.guild_ids
    guilds = None if seen is None else sorted(seen)
    if wanted.guild_id is not None:
        guilds = [wanted.guild_id]
    types = sorted(wanted.types) or None
    while after < upto:
        end = min(after + SCAN_SIZE, upto)
        async with database.connection() as connection:
            rows = await connection.fetch(_MISSED, after, end, guilds, types)
        after = rows[-1]["position"] if len(rows) == PAGE else end
        if frames := [frame for row in rows if (frame := wanted.frame(Event(row))) is not None]:
            yield frames
