"""Transactions that are cancelled, time out or lose their server: the pool is whole afterwards."""

import asyncio
import random
from collections.abc import Callable, Coroutine

import anyio
import asyncpg
import pytest

from api.errors import DatabaseAway
from api.postgres.connections import CLEAN_UP_SECONDS
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.database.pools import ADD, SIZE, is_whole, pid_of
from tests.support import cluster
from tests.support.people import HARBOUR


async def cancelled_in(database: Database, statement: str | None, *, times: int, ready: asyncio.Event) -> None:
    """Works in a transaction until it is cancelled; a second cancel meets the clean-up."""

    async def work() -> None:
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            ready.set()
            await (connection.execute(statement) if statement else asyncio.sleep(60))

    task = asyncio.create_task(work())
    begun = asyncio.create_task(ready.wait())
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    if not begun.done():
        begun.cancel()
        await task  # raises what is wrong
    await asyncio.sleep(0.02)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", None], ids=["mid-query", "between queries"])
async def test_cancelled(database: Database, root: PlainConnection, statement: str | None, times: int) -> None:
    for _ in range(SIZE + 1):
        await cancelled_in(database, statement, times=times, ready=asyncio.Event())
    assert await is_whole(database, root)


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", None], ids=["mid-query", "between queries"])
@pytest.mark.parametrize("inside", [True, False])
async def test_deadlines(database: Database, root: PlainConnection, statement: str | None, inside: bool) -> None:
    async def work() -> None:
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            if inside:
                with anyio.fail_after(0.05):
                    await (connection.execute(statement) if statement else asyncio.sleep(60))
            await (connection.execute(statement) if statement else asyncio.sleep(60))

    for _ in range(SIZE + 1):
        with pytest.raises((TimeoutError, DatabaseAway)):
            with anyio.fail_after(0.1):
                await work()
        with pytest.raises((TimeoutError, DatabaseAway)):
            async with asyncio.timeout(0.1):
                await work()
    assert await is_whole(database, root)


@pytest.mark.parametrize("word", ["BEGIN", "COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("times", [1, 2])
async def test_cancelled_as_it_begins_and_ends(
    database: Database, root: PlainConnection, monkeypatch: pytest.MonkeyPatch, word: str, times: int
) -> None:
    """The statement is on its way when the cancel comes."""
    execute = asyncpg.Connection.execute
    sent = asyncio.Event()

    async def watched(self: PlainConnection, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109 - asyncpg's own signature
        if query.startswith(word):
            asyncio.get_running_loop().call_soon(sent.set)
        return str(await execute(self, query, *args, timeout=timeout))

    async def work() -> None:
        async with database.transaction() as connection:
            await connection.execute("SELECT 1")
            if word == "ROLLBACK":
                raise ZeroDivisionError

    monkeypatch.setattr(asyncpg.Connection, "execute", watched)
    for _ in range(SIZE + 1):
        sent.clear()
        task = asyncio.create_task(work())
        await sent.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises((asyncio.CancelledError, ZeroDivisionError)):
            await task
    monkeypatch.undo()
    assert await is_whole(database, root)


async def test_rollback_that_never_answers_costs_the_connection(
    database: Database, root: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while it waits for a ROLLBACK that fails: the connection must not go back as it is."""
    execute = asyncpg.Connection.execute
    monkeypatch.setattr("api.postgres.database.CLEAN_UP_SECONDS", 0.1)

    async def stuck(self: PlainConnection, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109 - asyncpg's own signature
        if query == "ROLLBACK":
            await asyncio.sleep(60)
        return str(await execute(self, query, *args, timeout=timeout))

    monkeypatch.setattr(asyncpg.Connection, "execute", stuck)
    pid = 0

    async def work() -> None:
        nonlocal pid
        async with database.transaction() as connection:
            pid = await pid_of(connection)
            raise ZeroDivisionError

    task = asyncio.create_task(work())
    while not pid:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    await asyncio.sleep(0.05)
    assert await root.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid) == 0
    assert await is_whole(database, root)


async def test_server_that_cancels_nothing_costs_the_connection(
    database: Database, root: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler may not pass on that a statement is to be cancelled, as RDS Proxy."""

    async def ignore(**_options: object) -> None:
        """Reaches nobody."""

    monkeypatch.setattr("asyncpg.connect_utils._cancel", ignore)
    began = asyncio.get_running_loop().time()
    await cancelled_in(database, "SELECT pg_sleep(60)", times=1, ready=asyncio.Event())
    assert asyncio.get_running_loop().time() - began < 2 * CLEAN_UP_SECONDS + 1
    await root.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
    assert await is_whole(database, root)


async def test_command_time_out(database: Database, root: PlainConnection) -> None:
    with pytest.raises(DatabaseAway):  # noqa: PT012 - what is tested is a block
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            await connection.execute("SELECT pg_sleep(60)", timeout=0.05)
    assert await is_whole(database, root)


@pytest.mark.parametrize("when", ["between", "during", "at commit"])
async def test_killed_backend(database: Database, root: PlainConnection, when: str) -> None:
    async def work() -> None:
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            pid = await pid_of(connection)
            if when == "during":
                killing = asyncio.create_task(kill(pid, after=0.05))
                try:
                    await connection.execute("SELECT pg_sleep(60)")
                finally:
                    await killing
            await kill(pid)
            if when == "between":
                await connection.execute("SELECT 1")

    async def kill(pid: int, *, after: float = 0) -> None:
        await asyncio.sleep(after)
        await root.execute("SELECT pg_terminate_backend($1, 1000)", pid)

    for _ in range(SIZE + 1):
        with pytest.raises(DatabaseAway):
            await work()
    assert await is_whole(database, root)


async def test_single_statements_survive_the_same(database: Database, root: PlainConnection) -> None:
    for _ in range(SIZE + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), database.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")
        with pytest.raises(DatabaseAway):  # noqa: PT012 - what is tested is a block
            async with database.connection() as connection:
                await root.execute("SELECT pg_terminate_backend($1, 1000)", await pid_of(connection))
                await connection.execute("SELECT 1")
    assert await is_whole(database, root)


Mishap = Callable[[Database, str, random.Random], Coroutine[None, None, None]]


async def _raise(database: Database, _root_url: str, chance: random.Random) -> None:
    async with database.transaction() as connection:
        await connection.execute(ADD, chance.randint(1, 3))
        raise ZeroDivisionError


async def _time_out(database: Database, _root_url: str, chance: random.Random) -> None:
    async with asyncio.timeout(chance.random() / 20), database.transaction() as connection:
        await connection.execute(ADD, chance.randint(1, 3))
        await connection.execute("SELECT pg_sleep(5)")


async def _kill(database: Database, root_url: str, _chance: random.Random) -> None:
    async with database.transaction() as connection:
        pid = await pid_of(connection)
        killer = await asyncpg.connect(root_url)
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        await killer.close()
        await connection.execute("SELECT pg_sleep(1)")


async def _cancel(database: Database, root_url: str, chance: random.Random) -> None:
    task = asyncio.create_task(_time_out(database, root_url, chance))
    for _ in range(chance.randint(1, 3)):
        await asyncio.sleep(chance.random() / 50)
        task.cancel()
    await task


async def test_fifty_mishaps_at_once_and_in_turn(database: Database, root: PlainConnection, database_name: str) -> None:
    chance = random.Random(7)  # noqa: S311 - the same mishaps every time
    mishaps: list[Mishap] = [_raise, _time_out, _kill, _cancel]
    root_url = cluster.url("postgres", database_name)
    for _ in range(10):
        doing = [asyncio.create_task(chance.choice(mishaps)(database, root_url, chance)) for _ in range(5)]
        results = await asyncio.gather(*doing, return_exceptions=True)
        assert all(isinstance(result, BaseException) for result in results), results
        assert await is_whole(database, root)


async def test_statement_between_the_farewell_and_the_end(database: Database, root: PlainConnection) -> None:
    """asyncpg has read why the server ends the connection, not yet that it has ended."""
    for way in (database.transaction, database.connection):
        with pytest.raises(DatabaseAway):
            async with way():
                raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    assert await is_whole(database, root)
