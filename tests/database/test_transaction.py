"""The one way to open a transaction."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest

import piccolo_conf
from api.config import Settings
from api.errors import DatabaseAway, Overloaded
from api.postgres import change_watcher as changes
from api.postgres.access import find_access
from api.postgres.database import Database, LostTransaction, NestedTransaction
from api.postgres.engine import PlainConnection
from tables.guilds import Guild
from tests.database.pools import ADD, SIZE, is_whole
from tests.support.people import HARBOUR


async def test_commits(database: Database, root: PlainConnection) -> None:
    async with database.transaction() as connection:
        await connection.execute(ADD, HARBOUR)
        assert await root.fetchval("SELECT count(*) FROM guilds") == 0
    assert await root.fetchval("SELECT count(*) FROM guilds") == 1


async def test_rolls_back_what_raised(database: Database, root: PlainConnection) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - what is tested is a block
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            raise ZeroDivisionError
    assert await is_whole(database, root)
    assert database.rollbacks == 1


async def test_nested_is_refused(database: Database, root: PlainConnection) -> None:
    with pytest.raises(NestedTransaction):  # noqa: PT012 - what is tested is a block
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            async with database.transaction():
                pass
    assert await is_whole(database, root)


async def test_failure_that_the_block_ignores_is_no_commit(database: Database, root: PlainConnection) -> None:
    """COMMIT of a failed transaction succeeds, as far as PostgreSQL is concerned, and stores nothing."""
    with pytest.raises(LostTransaction):  # noqa: PT012 - what is tested is a block
        async with database.transaction() as connection:
            await connection.execute(ADD, HARBOUR)
            with pytest.raises(asyncpg.UniqueViolationError):
                await connection.execute(ADD, HARBOUR)
    assert await is_whole(database, root)


async def test_piccolos_queries_inside_belong_to_it(settings: Settings, root: PlainConnection) -> None:
    await root.execute("TRUNCATE guilds CASCADE")
    engine = piccolo_conf.DB
    before, engine.pool = (engine.pool, engine.lend), None
    database = Database(engine, pool_size=2, acquire_timeout=20)
    await database.open(await find_access(settings))
    try:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - what is tested is a block
            async with database.transaction() as connection:
                await Guild.insert(Guild(id=HARBOUR, name="Harbour"))
                assert await connection.fetchval("SELECT count(*) FROM guilds") == 1
                raise ZeroDivisionError
        assert not await Guild.exists().where(Guild.id == HARBOUR)
    finally:
        await database.close()
        engine.pool, engine.lend = before


async def test_full_pool_refuses_in_time(database: Database, root: PlainConnection) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            await release.wait()

    holding = [asyncio.create_task(hold()) for _ in range(SIZE)]
    while database.in_use < SIZE:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.01)
    loop = asyncio.get_running_loop()
    database.acquire_timeout = 0.3
    for way in (database.transaction, database.connection):
        started = loop.time()
        with pytest.raises(Overloaded):
            async with way():
                pass
        assert 0.25 < loop.time() - started < 1.5
    release.set()
    await asyncio.gather(*holding)
    assert await is_whole(database, root)


async def test_first_come_first_served(database: Database) -> None:
    """Newcomers wait behind those who wait already, also where one has just been woken and has not run yet."""
    came: list[int] = []
    served: list[int] = []

    async def work(number: int) -> None:
        came.append(number)
        async with database.connection() as connection:
            served.append(number)
            await connection.execute("SELECT 1")

    async with AsyncExitStack() as stack:  # all of the pool is there: to connect takes longer than a turn
        for _ in range(SIZE):
            await stack.enter_async_context(database.connection())
    tasks: list[asyncio.Task[None]] = []
    for number in range(400):
        tasks.append(asyncio.create_task(work(number)))
        if number >= 3 * SIZE:
            await asyncio.wait(tasks[number - 3 * SIZE :], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*tasks)
    assert served == came


async def test_closed_pool_is_away(database: Database) -> None:
    await database.close()
    with pytest.raises(DatabaseAway):
        async with database.transaction():
            pass


async def test_closing_waits_for_nobody_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.postgres.connections.CLOSE_SECONDS", 0.2)
    entered = asyncio.Event()

    async def stay() -> None:
        async with database.transaction():
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(stay())
    await entered.wait()
    async with asyncio.timeout(2):
        await database.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_waited_while_the_process_did_not_get_round_to_it_waits_once_more(
    database: Database, root: PlainConnection
) -> None:
    """A loop that was held up tells everybody at once that their time is over, though connections are free."""
    assert await is_whole(database, root)  # all connections are there
    database.acquire_timeout = 0.05

    async def hold() -> None:
        async with database.connection():
            await asyncio.sleep(0.02)

    holding = [asyncio.create_task(hold()) for _ in range(database.pool_size)]
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(hold())
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - that is the point
    await asyncio.gather(waiting, *holding)


async def test_a_background_task_that_loses_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "CANCEL_AGAIN_SECONDS", 0.05)

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await changes.stop(task)
    assert task.cancelled()
