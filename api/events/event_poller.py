"""The event poller: reads new events once for all streams of this process; also the events that a client missed.

It has a connection of its own, as the change watcher does. It polls five times a second, and at once after a
notification. A poll numbers the committed events (`guildhall_number_events`; the first poll numbers all, whatever a
restored backup says) and reads those after the last position. Positions become visible in order, so a poll skips
nothing, and the poll after a lost connection continues where the last one ended."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import structlog

from api.events import queries as sql
from api.events.broadcaster import Broadcaster, Filter
from api.events.frames import Event
from api.postgres.connections import connect
from api.postgres.database import Database
from api.postgres.failures import TRANSIENT
from api.postgres.partitions import is_missing_partition

log = structlog.get_logger("guildhall.events")

# The first is notified after changes by people, the second after numbering by another process.
CHANNELS = ("guildhall", "guildhall_stream")
INTERVAL = 0.2
LEAST_INTERVAL = 0.05  # a busy database wakes us no more often
TIMEOUT = 4.0

# Positions that one statement reads for a client that gets few of many events.
SCAN_SIZE = 20_000


class EventPoller:
    """Polls for all streams of this process."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Polls at once."""
        self._woken.set()

    async def run(self, arguments: Mapping[str, Any]) -> None:  # Any: asyncpg's own keyword arguments
        """Polls for ever; connects again when the connection is lost."""
        while True:
            try:
                await self._poll_while_connected(arguments)
            except TRANSIENT as error:
                log.warning("the event poller lost its connection", error=repr(error)[:200])
            except Exception:
                log.exception("the event poller failed")
            await asyncio.sleep(INTERVAL)

    async def _poll_while_connected(self, arguments: Mapping[str, Any]) -> None:  # Any: the same
        async with asyncio.timeout(TIMEOUT):
            connection = await connect(**arguments)
        try:
            await connection.execute("SET application_name = 'guildhall events'")  # shown in pg_stat_activity
            own = connection.get_server_pid()

            def wake(_connection: object, pid: int, _channel: str, _payload: object) -> None:
                if pid != own:  # our own numbering: this poll reads it anyway
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
        """One poll. Returns whether there may be more to read at once."""
        broadcaster = self._broadcaster
        started = time.monotonic()
        newest = await _number(connection, afresh=afresh)
        position = broadcaster.position
        if position is None or position > newest:  # the first poll, or a restored database
            if position is not None:
                broadcaster.end_all()  # their positions belong to the other database
            broadcaster.begin_after(newest)
            position = newest
        rows = []
        if newest > position:
            rows = await connection.fetch(sql.NEW, position, timeout=TIMEOUT)
            broadcaster.publish([Event(row) for row in rows])
        broadcaster.polled_at = started
        return len(rows) == sql.BATCH_SIZE


async def _number(connection: "asyncpg.Connection[asyncpg.Record]", *, afresh: bool) -> int:
    """Numbers the committed events. Returns the newest position."""
    try:
        return int(await connection.fetchval(sql.NUMBER, sql.BATCH_SIZE, afresh, timeout=TIMEOUT))
    except asyncpg.CheckViolationError as error:  # a process whose clock is days ahead has dropped today's partition
        if not is_missing_partition(error):
            raise
    return int(await connection.fetchval(sql.NUMBER, sql.BATCH_SIZE, afresh, timeout=TIMEOUT))


async def bounds(database: Database) -> tuple[int, int]:
    """The newest position, and the oldest kept one; the newest plus one if none is kept."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.BOUNDS)
    assert row is not None  # it has one row
    return row[0], row[1]


async def missed(database: Database, wanted: Filter, after: int, upto: int) -> AsyncIterator[list[bytes]]:
    """The frames after one position, up to and including another, a page at a time. No connection is held while a page
    is sent."""
    seen = wanted.credential.guild_ids
    guilds = None if seen is None else sorted(seen)
    if wanted.guild_id is not None:
        guilds = [wanted.guild_id]
    types = sorted(wanted.types) or None
    while after < upto:
        end = min(after + SCAN_SIZE, upto)
        async with database.connection() as connection:
            rows = await connection.fetch(sql.MISSED, after, end, guilds, types)
        after = rows[-1]["position"] if len(rows) == sql.PAGE else end
        if frames := [frame for row in rows if (frame := wanted.frame(Event(row))) is not None]:
            yield frames
