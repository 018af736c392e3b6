"""What happens to connections when another server becomes the leader, and to commits that wait for a replica."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from api.config import Settings
from api.errors import DatabaseAway
from api.postgres import change_watcher
from api.postgres import database as databases
from api.postgres.access import find_access
from api.postgres.change_watcher import ChangeWatcher, stop
from api.postgres.connections import Access
from api.postgres.database import Database
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import GuildhallEngine, PlainConnection
from tests.database.pools import ADD, SIZE, is_whole, pid_of
from tests.database.test_changes import eventually
from tests.operation.servers import private_folder
from tests.support.people import HARBOUR


@pytest.mark.parametrize("way", ["transaction", "connection"])
async def test_a_demoted_leader_is_left(database: Database, root: PlainConnection, way: str) -> None:
    """It goes on reading, and refuses writes: each connection of the pool is replaced, not only the one that met it."""
    pool = database.engine.pool
    assert pool is not None
    held = [await pool.acquire() for _ in range(SIZE)]
    before = {await pid_of(each) for each in held}
    for each in held:
        await pool.release(each)
    with pytest.raises(DatabaseAway):  # noqa: PT012 - what is tested is a block
        async with database.transaction() if way == "transaction" else database.connection() as connection:
            if way == "connection":
                await connection.execute("SET default_transaction_read_only = on")
            else:
                await connection.execute("SET TRANSACTION READ ONLY")
            await connection.execute(ADD, HARBOUR)
    held = [await pool.acquire() for _ in range(SIZE)]
    after = {await pid_of(each) for each in held}
    for each in held:
        await pool.release(each)
    assert before & after == set()
    assert await is_whole(database, root)


async def test_connections_to_the_server_before_are_replaced(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be open, and lead to nobody who answers: the change watcher has found another server."""
    monkeypatch.setattr(change_watcher, "_SERVER", "SELECT 'first'")
    watcher, found = ChangeWatcher(), asyncio.Event()
    watcher.on_new_server(database.renew)

    async def note() -> None:
        found.set()

    watcher.on_new_server(note)
    async with database.connection() as connection:
        before = await pid_of(connection)
    access = (await find_access(settings)).session
    for server in ("first", "first", "second"):
        monkeypatch.setattr(change_watcher, "_SERVER", f"SELECT '{server}'")
        watcher._polled_at = float("-inf")
        task = asyncio.create_task(watcher.run(access))
        await eventually(watcher.is_fresh)
        await stop(task)
        async with database.connection() as connection:
            assert (await pid_of(connection) == before) is (server == "first")
    assert found.is_set()


@pytest.fixture(scope="module")
def lonely() -> Iterator[EmbeddedPostgres]:
    """A leader whose replica is away: no commit ever ends."""
    with private_folder() as folder:
        settings = {
            "max_wal_senders": "1",
            "wal_level": "replica",
            "synchronous_commit": "on",
            "synchronous_standby_names": "away",
        }
        server = EmbeddedPostgres(folder / "postgres", fast=True, settings=settings)
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def onlooker(lonely: EmbeddedPostgres) -> AsyncIterator[PlainConnection]:
    """Whose own commits wait for nobody."""
    connection = await asyncpg.connect(
        lonely.url("postgres", "postgres"), server_settings={"synchronous_commit": "local"}
    )
    await connection.execute("DROP TABLE IF EXISTS stored; CREATE TABLE stored (number int)")
    yield connection
    await connection.close()


@pytest.fixture
async def lone(
    lonely: EmbeddedPostgres, onlooker: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    monkeypatch.setattr(databases, "SILENCE_SECONDS", 0.5)
    opened = Database(GuildhallEngine(), pool_size=SIZE, acquire_timeout=5)
    arguments = {"dsn": lonely.url("postgres", "postgres")}
    await opened.open(Access(arguments, arguments))
    yield opened
    await opened.close()


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


async def _is_hidden(onlooker: PlainConnection) -> bool:
    """Whether the commit still waits, and shows nothing to others. A cancelled one ends soon."""
    for _ in range(20):
        if not await onlooker.fetchval(_WAITING) or await onlooker.fetchval("SELECT count(*) FROM stored"):
            return False
        await asyncio.sleep(0.02)
    return True


async def _end_waits(onlooker: PlainConnection) -> None:
    await onlooker.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")


async def _store(database: Database, way: str) -> None:
    async with database.transaction() if way == "transaction" else database.connection() as connection:
        await connection.execute("INSERT INTO stored VALUES (1)")


@pytest.mark.parametrize("way", ["transaction", "connection"])
async def test_a_commit_without_an_answer_is_not_cancelled(lone: Database, onlooker: PlainConnection, way: str) -> None:
    """Cancelled, it would show rows that no replica has."""
    try:
        with pytest.raises(DatabaseAway):
            await _store(lone, way)
        assert await _is_hidden(onlooker)
    finally:
        await _end_waits(onlooker)


async def test_a_cancelled_request_does_not_cancel_its_commit(lone: Database, onlooker: PlainConnection) -> None:
    task = asyncio.create_task(_store(lone, "transaction"))
    try:
        while not await onlooker.fetchval(_WAITING):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.05)
        assert await _is_hidden(onlooker)
        with pytest.raises((asyncio.CancelledError, DatabaseAway)):
            await task
        assert await _is_hidden(onlooker)
    finally:
        await _end_waits(onlooker)
