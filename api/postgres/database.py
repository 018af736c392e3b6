"""The database: Piccolo's engine, its pool, and the only way to open a transaction.

Piccolo's own transactions lose their connection when they are cancelled twice, leave the context pointing at a dead
transaction, and join silently when they are nested. `Database.transaction` has none of these faults. Piccolo's queries
inside it belong to it. Outside a transaction, each query takes a connection from `Database.connection`, with its limits
and errors."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from api.errors import DatabaseAway, Overloaded
from api.lib.finishing import finish
from api.lib.step_timeout import StepTimeout
from api.postgres.connections import (
    CLEAN_UP_SECONDS,
    Access,
    PlainConnection,
    close_pool,
    connect,
    create_pool,
    cut,
    give_back,
)
from api.postgres.connections import (
    Connection as Connection,  # re-exported: whoever takes part in a transaction names it
)
from api.postgres.failures import AWAY, DEMOTED
from api.postgres.lending import LendingEngine

# Marks a transaction whose service writes its own audit rows. Then the trigger that audits every other edit (admin,
# psql) does nothing.
BEGIN = "BEGIN; SET LOCAL guildhall.audited = 'on'"

# For transactions that may wait longer for a lock than ordinary requests: background work, and hiding and erasing,
# which wait for imports to make members.
PATIENT = "SET LOCAL lock_timeout = '4s'"

# More than a statement may take (`ROLE_SETTINGS` of `api.postgres.provision`): PostgreSQL ends a slow statement itself,
# and reports it. After this time without any answer, the database is away.
SILENCE_SECONDS = 7.0


@dataclass(slots=True)
class _Current:
    """The object that Piccolo expects in its context variable: the connection of the open transaction."""

    connection: Connection


class NestedTransaction(RuntimeError):
    """A transaction was opened inside another. A failure of the inner one could then commit with the outer one."""


class LostTransaction(RuntimeError):
    """A statement of the block had failed, and the block continued. PostgreSQL rolled everything back."""


class Database:
    """The pool of one process. Inject this; never open a connection elsewhere."""

    def __init__(self, engine: LendingEngine, *, pool_size: int, acquire_timeout: float) -> None:
        """`acquire_timeout`: the longest wait for a connection, in seconds."""
        self.engine = engine
        self.pool_size = pool_size
        self.acquire_timeout = acquire_timeout
        # First come, first served. In asyncpg's own queue, newcomers overtake a waiter that has just been woken. It
        # goes back to the end, again and again until its time is up.
        self._turns = asyncio.Semaphore(pool_size)
        self.in_use = 0
        self.waiting = 0
        self.rollbacks = 0
        self._session: Mapping[str, Any] = {}  # Any: asyncpg's own keyword arguments

    async def open(self, access: Access) -> None:
        """Starts the pool. Raises `OSError` or a `PostgresError` if it cannot connect."""
        self._session = access.session
        self.engine.pool = await create_pool(
            **access.pooled, min_size=2, max_size=self.pool_size, command_timeout=SILENCE_SECONDS, timeout=3
        )
        self.engine.lend = self.connection

    async def close(self) -> None:
        """Closes the pool; connections still busy after five seconds are cut."""
        pool, self.engine.pool = self.engine.pool, None
        if pool is not None:
            await close_pool(pool)

    async def renew(self) -> None:
        """Replaces each connection before it is lent again: they lead to a server that is not the leader any more."""
        if self.engine.pool is not None:
            await self.engine.pool.expire_connections()

    @asynccontextmanager
    async def connection(self, *, first: bool = False) -> AsyncIterator[Connection]:
        """A connection for single statements, each a transaction of its own: reads, and writes whose statement also
        writes their audit row. `first`: served before all others who wait."""
        connection = await self._acquire(first=first)
        try:
            yield connection
        except AWAY as error:
            await self._give_up(connection, error)
            raise DatabaseAway from error
        except asyncpg.DataError:
            # A value that no parameter accepts stops asyncpg between Parse and Sync. Without another statement, the
            # server would keep the locks that parsing took.
            await connection.execute("SELECT 1")
            raise
        finally:
            await self._release(connection, had_turn=not first)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[PlainConnection]:
        """A connection of its own, for what is longer than a transaction: an advisory lock of a session. Raises
        `DatabaseAway`."""
        try:
            connection = await connect(**self._session, command_timeout=SILENCE_SECONDS, timeout=3)
            try:
                yield connection
            finally:
                await connection.close(timeout=CLEAN_UP_SECONDS)
        except AWAY as error:
            raise DatabaseAway from error

    @asynccontextmanager
    async def transaction(self, begin: str = "") -> AsyncIterator[Connection]:
        """One transaction. It commits when the block ends, and rolls back when the block raises or is cancelled.
        Piccolo's queries inside the block belong to it. `begin`: a statement without parameters that runs with BEGIN,
        before any read. Raises `NestedTransaction`, `LostTransaction`, `Overloaded` if no connection becomes free in
        time, `DatabaseAway`."""
        if self.engine.current_transaction.get() is not None:
            raise NestedTransaction
        connection = await self._acquire()
        token = None
        try:
            await connection.execute(f"{BEGIN}; {begin}" if begin else BEGIN)
            token = self.engine.current_transaction.set(_Current(connection))  # type: ignore[arg-type] # Piccolo needs no more of it
            yield connection
            await _commit(connection)
        except BaseException as error:
            self.rollbacks += 1
            if isinstance(error, AWAY):
                await self._give_up(connection, error)
                raise DatabaseAway from error
            await self._roll_back(connection)
            raise
        finally:
            if token is not None:
                self.engine.current_transaction.reset(token)
            await self._release(connection)

    async def _acquire(self, *, first: bool = False) -> Connection:
        pool = self.engine.pool
        if pool is None:
            raise DatabaseAway
        self.waiting += 1
        has_turn = False
        try:
            # Not `acquire(timeout=…)`, which makes a task for every call.
            async with StepTimeout(self.acquire_timeout):
                # Only holders of a turn wait in the pool's own queue, so a caller without one is next.
                has_turn = not first and await self._turns.acquire()
                connection = await pool.acquire()
        except BaseException as error:
            if has_turn:
                self._turns.release()
            if isinstance(error, TimeoutError):
                raise (DatabaseAway if has_turn else Overloaded) from None
            if isinstance(error, AWAY):
                raise DatabaseAway from error
            raise
        finally:
            self.waiting -= 1
        self.in_use += 1
        return connection

    async def _give_up(self, connection: Connection, error: BaseException) -> None:
        """Cuts a connection at once, before asyncpg asks the server to cancel what it does (see `_commit`)."""
        cut(connection)
        if isinstance(error, DEMOTED):
            await self.renew()

    async def _roll_back(self, connection: Connection) -> None:
        """Ends the transaction in any case. If the rollback fails, the connection is cut."""
        if not _is_closed(connection):
            await finish(_rolled_back(connection))

    async def _release(self, connection: Connection, *, had_turn: bool = True) -> None:
        try:
            await self._give_back(connection)
        finally:
            self.in_use -= 1
            if had_turn:
                self._turns.release()

    async def _give_back(self, connection: Connection) -> None:
        pool = self.engine.pool
        if pool is None:
            cut(connection)
        else:
            await give_back(pool, connection)


def _is_closed(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the server ended it, and the pool has taken it back
        return True


async def _commit(connection: Connection) -> None:
    """Commits, and is never cancelled: after `SILENCE_SECONDS` the connection is cut instead. A COMMIT that waits for a
    replica and is cancelled succeeds on this server alone. If the request is sent again, it would find its rows there
    and answer that they are stored, and a new leader would not have them."""
    silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, cut, connection)
    try:
        await finish(_committed(connection))
    finally:
        silence.cancel()


async def _committed(connection: Connection) -> None:
    # A failed transaction answers ROLLBACK, which PostgreSQL does not report as an error.
    if await connection.execute("COMMIT", timeout=2 * SILENCE_SECONDS) != "COMMIT":
        raise LostTransaction


async def _rolled_back(connection: Connection) -> None:
    try:
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            await connection.execute("ROLLBACK")
    except BaseException as error:
        cut(connection)
        if not isinstance(error, Exception):
            raise
