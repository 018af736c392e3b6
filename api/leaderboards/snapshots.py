"""Snapshots: boards of days in large guilds, computed on connections of their own, at most two at a time, and cached
for ten seconds.

The sum of the days of 600,000 members takes seconds. If every request computed it, recording would get no processor,
and other reads no connection. So all requests within ten seconds share one computation. While requests go on, the next
computation begins before the last one is too old."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import Context
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from api.errors import DatabaseAway, Unavailable
from api.leaderboards import folding_queries, queries
from api.leaderboards.rules import CHECKPOINTS_COST, cover
from api.leaderboards.snapshot import Snapshot
from api.lib.clock import Clock
from api.lib.fair_places import FairPlaces
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.connections import SNAPSHOTS, create_pool
from api.postgres.database import Connection, Database
from api.postgres.failures import AWAY
from api.postgres.partitions import EARLIEST
from api.postgres.reader import Reader
from api.postgres.replica import LONG_PATIENCE_SECONDS, Missed

if TYPE_CHECKING:
    import asyncpg

    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Pool = object

log = structlog.get_logger("guildhall.leaderboards")

# A guild with more members is large. In smaller ones, a year of days is added up in less than a second.
LARGE = 10_000

# The oldest snapshot that is served. A computation gives up earlier.
OLDEST = timedelta(seconds=10)
STATEMENT_SECONDS = 9

# A board is computed ahead for this long after its last request.
ASKED_SECONDS = 60.0

# Each of a process's simultaneous computations (`SNAPSHOTS`) has a connection of its own. One guild has at most one, so
# another guild finds the other free. It waits for this long.
WAIT_SECONDS = 5.0

LARGEST = 64 * 1024 * 1024  # bytes of all snapshots: four million places
OVERHEAD_BYTES = 1000

# The size of a guild is checked once a minute.
_SIZES_KEPT, _SIZES_SECONDS = 50_000, 60.0

# For one computation: memory for the totals of 600,000 members, so nothing is sorted on disk; and one processor,
# because recording needs the others.
_PATIENT = (
    f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'; SET LOCAL work_mem = '64MB'; "
    "SET LOCAL max_parallel_workers_per_gather = 0"
)


class Board(NamedTuple):
    """A stat of a guild on some days, both included."""

    guild_id: int
    stat: str
    first: date
    last: date


class Snapshots:
    def __init__(self, database: Database, reader: Reader, watcher: ChangeWatcher, clock: Clock) -> None:
        self.large = LARGE
        self._database = database
        self._reader = reader
        self._clock = clock
        self._pool: Pool | None = None
        self._places = FairPlaces(SNAPSHOTS, WAIT_SECONDS)
        self._kept: OrderedDict[Board, Snapshot] = OrderedDict()
        self._weight = 0
        self._running: dict[Board, asyncio.Task[Snapshot]] = {}
        self._asked: dict[Board, float] = {}
        self._timers: dict[Board, asyncio.TimerHandle] = {}
        self._sizes: dict[int, tuple[int, float]] = {}
        watcher.subscribe(self._follow)
        watcher.on_new_server(self._renew)

    async def open(self, arguments: Mapping[str, Any]) -> None:  # Any: asyncpg's own keyword arguments
        """Allows computations. Connects only when one is requested."""
        self._pool = await create_pool(
            **arguments,
            min_size=0,
            max_size=SNAPSHOTS,
            max_inactive_connection_lifetime=60,
            command_timeout=STATEMENT_SECONDS + 2,
            timeout=3,
        )

    async def close(self) -> None:
        """Ends running computations."""
        running = [*self._running.values()]
        self.clear()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def is_large(self, guild_id: int) -> bool:
        """Whether this guild's boards of days are snapshots, by its size within the last minute."""
        known = self._sizes.get(guild_id)
        now = time.monotonic()
        if known is None or now - known[1] > _SIZES_SECONDS:
            async with self._database.connection() as connection:
                members = await connection.fetchval(queries.MEMBERS, guild_id) or 0
            if len(self._sizes) >= _SIZES_KEPT:
                self._sizes.clear()
            known = self._sizes[guild_id] = members, now
        return known[0] > self.large

    async def get(self, board: Board) -> Snapshot:
        """The board, at most ten seconds old. Raises `TimeoutError`, `DatabaseAway`, and PostgreSQL's error if it takes
        too long."""
        self._asked[board] = time.monotonic()
        found = self._kept.get(board)
        if found is not None and self._is_fresh(found):
            self._kept.move_to_end(board)
            self._plan(board, found)
            return found
        # A request that gives up waiting does not cancel it for others.
        return await asyncio.shield(self._running.get(board) or self._start(board))

    def _is_fresh(self, snapshot: Snapshot) -> bool:
        return timedelta() <= self._clock.now() - snapshot.as_of <= OLDEST

    def _start(self, board: Board) -> "asyncio.Task[Snapshot]":
        # In a context of its own, because it outlives the first request.
        task = self._running[board] = asyncio.create_task(self._compute(board), context=Context())
        task.add_done_callback(lambda done: self._finish(board, done))
        return task

    async def _compute(self, board: Board) -> Snapshot:
        async with self._places.hold(str(board.guild_id)):
            as_of = self._clock.now()  # before the replica is asked: it has everything from before that
            try:
                return await self._reader.read_replica(lambda c: _read(c, board, as_of), patience=LONG_PATIENCE_SECONDS)
            except (Missed, Unavailable):
                return await self._compute_on_primary(board)

    async def _compute_on_primary(self, board: Board) -> Snapshot:
        if self._pool is None:
            raise DatabaseAway
        try:
            async with self._pool.acquire() as connection:
                return await _read(connection, board, self._clock.now())
        except AWAY as error:
            if isinstance(error, TimeoutError):
                raise
            raise DatabaseAway from error

    def _finish(self, board: Board, task: "asyncio.Task[Snapshot]") -> None:
        is_mine = self._running.get(board) is task  # otherwise it was dropped meanwhile
        if is_mine:
            del self._running[board]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._asked.pop(board, None)
            log.warning(
                "a leaderboard could not be computed", guild=board.guild_id, stat=board.stat, error=repr(error)[:200]
            )
        elif is_mine:
            self._keep(board, task.result())

    def _keep(self, board: Board, snapshot: Snapshot) -> None:
        self._drop(board)
        self._kept[board] = snapshot
        self._weight += snapshot.weight + OVERHEAD_BYTES
        while self._weight > LARGEST:
            oldest = next(iter(self._kept))
            self._drop(oldest)
            self._asked.pop(oldest, None)
        self._plan(board, snapshot)

    def _drop(self, board: Board) -> None:
        if (gone := self._kept.pop(board, None)) is not None:
            self._weight -= gone.weight + OVERHEAD_BYTES
        if (timer := self._timers.pop(board, None)) is not None:
            timer.cancel()

    def _plan(self, board: Board, snapshot: Snapshot) -> None:
        """Computes the board again shortly before its snapshot is too old, or drops it if there are no more
        requests."""
        if board in self._timers or board not in self._kept:
            return
        age = (self._clock.now() - snapshot.as_of).total_seconds()
        left = OLDEST.total_seconds() - age - 2 * snapshot.seconds - 0.5
        self._timers[board] = asyncio.get_running_loop().call_later(max(left, 0.0), self._refresh, board)

    def _refresh(self, board: Board) -> None:
        self._timers.pop(board, None)
        if time.monotonic() - self._asked.get(board, 0.0) > ASKED_SECONDS:
            self._drop(board)
            self._asked.pop(board, None)
        elif board not in self._running:
            self._start(board)

    def clear(self) -> None:
        """Drops all snapshots."""
        for board in {*self._kept, *self._running, *self._asked}:
            self._drop(board)
            self._running.pop(board, None)
            self._asked.pop(board, None)
        self._sizes.clear()

    def _follow(self, kind: str, ids: set[int] | None) -> None:
        if kind == "guild" and ids is None:  # the database may be another one
            self.clear()

    async def _renew(self) -> None:
        if self._pool is not None:
            await self._pool.expire_connections()


async def _read(connection: Connection, board: Board, as_of: datetime) -> Snapshot:
    """The board of that moment. Checkpoints and days are read in one snapshot of the database."""
    started = time.monotonic()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_PATIENT)
        found = None
        if board.stat in queries.STATS and (board.last - board.first).days > CHECKPOINTS_COST:
            rows = await connection.fetch(folding_queries.CHECKPOINTS, board.guild_id)
            # Somewhere it is tomorrow already. No day outside of these has activity.
            first, last = max(board.first, EARLIEST), min(board.last, as_of.date() + timedelta(days=1))
            found = cover(first, last, [row["day"] for row in rows])
        statement, named = queries.snapshot(board.stat, board.first, board.last, found)
        row = await connection.fetchrow(statement, board.guild_id, *named, timeout=STATEMENT_SECONDS + 2)
    assert row is not None
    users, values, newest = row
    seconds = time.monotonic() - started
    return Snapshot(users or b"", values or b"", as_of=as_of, newest_member=newest or 0, seconds=seconds)
