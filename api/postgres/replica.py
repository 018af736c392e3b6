"""A streaming replica: answers a read if it has every commit that the primary had when the read was asked for.

Each read asks the primary for its position, and then waits, for a short time, until the replica has replayed that
position. So an answer is never older than its request, whichever process, host or credential wrote last, and nothing
need be noted when something is written. docs/decisions/read-replicas.md has the reasons and the cost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import asyncpg
import structlog

from api.errors import Unavailable
from api.lib.batch_loader import BatchLoader
from api.lib.metrics import Metrics
from api.lib.step_timeout import StepTimeout
from api.postgres.connections import Connection, Pool, close_pool, create_pool, cut, give_back
from api.postgres.database import SILENCE_SECONDS, Database
from api.postgres.failures import AWAY, DEMOTED, UnusableDatabase
from api.postgres.lag import Lag
from api.postgres.positions import ANSWER_SECONDS, Home, Position, ask, ask_home, ask_replica, fault

log = structlog.get_logger("guildhall.replica")
T = TypeVar("T")

OK = "ok"
INTERVAL, CONNECT_INTERVAL = 0.5, 2.0

# A replica beside the primary is less than that behind. A read of a whole guild waits longer than a page.
PATIENCE_SECONDS, LONG_PATIENCE_SECONDS = 0.02, 1.0
_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.05  # between two polls

# After a replica was too late for a read, the primary answers all reads for so long.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0

# Whatever a replica answers instead of rows: a primary that has the same fault says so itself.
FAILED = (asyncpg.PostgresError, *AWAY)


class Missed(Exception):
    """The replica cannot answer this read: the primary has to."""


class Replica:
    """`run` watches it. Until then, and while it cannot be used, each read is `Missed`."""

    def __init__(
        self,
        database: Database,
        find: Callable[[], Awaitable[dict[str, Any]]],  # Any: asyncpg's own keyword arguments
        metrics: Metrics,
        *,
        connections: int,
        acquire_timeout: float,
        lag: float,
    ) -> None:
        """`find` checks the address, and returns how to connect. `lag`: a replica that is more seconds behind is not
        asked."""
        self._database = database
        self._find = find
        self._metrics = metrics
        self._connections = connections
        self._acquire_timeout = acquire_timeout
        self._most_lag = lag
        self._pool: Pool | None = None
        self._positions: BatchLoader[None, Position] = BatchLoader(self._ask_positions)
        self._home = Home(0, 0)
        self._turns = asyncio.Semaphore(connections)
        self._lag = Lag(time.monotonic())
        self._late_until, self._pause = 0.0, _SHORTEST_PAUSE
        self.state = "not connected yet"

    @property
    def lag(self) -> float:
        """The most seconds by which it can be behind the primary."""
        return self._lag.seconds(time.monotonic())

    async def read(self, work: Callable[[Connection], Awaitable[T]], patience: float) -> T:
        """What `work` returns, which only reads. Raises `Missed`, and `DatabaseAway` or `Overloaded` if the primary
        cannot say where it is."""
        if self.state != OK:
            self._miss("unusable")
        if time.monotonic() < self._late_until:
            self._miss("late")
        try:
            position = await self._positions.get(None)
        except asyncpg.PostgresError:
            self._miss("unusable")
        async with self._turn(), self._lent() as connection:
            await self._reach(connection, position, patience)
            self._pause = _SHORTEST_PAUSE
            found = await work(connection)
        self._metrics.replica_reads.labels(outcome="replica").inc()
        return found

    async def _reach(self, connection: Connection, position: Position, patience: float) -> None:
        """Returns when the server of this connection has replayed the position. A load balancer may stand in front of
        several replicas, so no other connection can tell."""
        pause, ends = _FIRST_WAIT, time.monotonic() + patience
        while True:
            seen = await ask_replica(connection)
            if (words := fault(seen, position, self._home)) is not None:
                self._note(words)
                self._miss("unusable")
            if seen.reaches(position):
                return
            if (left := ends - time.monotonic()) <= 0:
                self._wait_less()
                self._miss("late")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_WAIT)

    def _wait_less(self) -> None:
        """For a while, no read waits for the replica: longer each time that it is late."""
        now = time.monotonic()
        if now >= self._late_until:  # else another read, at the same time, has said so
            self._late_until = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Bounds the reads at a time. There is one connection more, to watch the replica."""
        try:
            async with StepTimeout(self._acquire_timeout):
                await self._turns.acquire()
        except TimeoutError:
            self._miss("busy")
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        """A connection. Its failures are `Missed`, but for a statement that took too long: the primary would only do
        the work a second time."""
        pool = self._pool
        if pool is None:
            self._miss("unusable")
        try:
            connection = await pool.acquire(timeout=ANSWER_SECONDS)
        except FAILED as error:
            self._fail(error)
        try:
            yield connection
        except asyncpg.QueryCanceledError:
            raise
        except FAILED as error:
            cut(connection)
            self._fail(error)
        finally:
            await give_back(pool, connection)

    async def _ask_positions(self, keys: Sequence[None]) -> list[Position]:
        """The primary's position, for all who asked before this question."""
        async with self._database.connection() as connection:
            return [await ask(connection)] * len(keys)

    def _miss(self, outcome: str) -> NoReturn:
        self._metrics.replica_reads.labels(outcome=outcome).inc()
        raise Missed from None

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, AWAY) and not isinstance(error, DEMOTED):  # a replica takes no writes, and need not
            self._note(f"away: {type(error).__name__}")
        self._miss("failed")

    async def run(self) -> None:
        """Watches the replica for ever: connects when it is there, and notes whether it can be used."""
        while True:
            try:
                self._note(await self._examine())
            except UnusableDatabase as error:  # its words are not for everybody who asks for the state
                self._note("refused: `guildhall doctor` says why", str(error))
            except Unavailable as error:
                self._note(f"the primary does not say where it is: {type(error).__name__}")
            except FAILED as error:
                self._note(f"away: {type(error).__name__}", str(error))
            except Exception:
                log.exception("the replica could not be examined")
                self._note("could not be examined: see the log")
            self._metrics.replica_lag.set(self.lag)
            await asyncio.sleep(INTERVAL if self._pool is not None else CONNECT_INTERVAL)

    async def _examine(self) -> str:
        """The state in words."""
        if self._pool is None:
            self._pool = await self._connect()
        async with self._database.connection() as connection:
            self._home = await ask_home(connection)
            asked, position = time.monotonic(), await ask(connection)
        async with self._pool.acquire(timeout=ANSWER_SECONDS) as connection:
            seen = await ask_replica(connection)
        if (words := fault(seen, position, self._home)) is not None:
            self._lag.forget()
            return words
        replayed = seen.replayed or 0
        if replayed > position.flushed and replayed > (await self._positions.get(None)).flushed:
            return "it has changes that the primary does not have: one of the two was restored"
        self._lag.note(asked, position.flushed, replayed)
        return OK if self.lag <= self._most_lag else f"more than {self._most_lag:g} s behind"

    async def _connect(self) -> Pool:
        arguments = await self._find()
        return await create_pool(
            **arguments, min_size=0, max_size=self._connections + 1, command_timeout=SILENCE_SECONDS, timeout=3
        )

    def _note(self, words: str, detail: str = "") -> None:
        if words == self.state:
            return
        self.state = words
        if words == OK:
            log.info("the replica answers reads")
        else:
            log.warning("the primary answers all reads", replica=words, **({"detail": detail} if detail else {}))

    async def close(self) -> None:
        """Closes the connections; those still busy after five seconds are cut."""
        pool, self._pool, self.state = self._pool, None, "closed"
        if pool is not None:
            await close_pool(pool)
