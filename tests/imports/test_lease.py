"""Who does a job keeps it, however long others hold it up, and begins again where its last transaction stood."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.config import Settings
from api.imports import work
from api.jobs import leases, retries
from api.jobs.leases import LeaseLost
from api.jobs.queue import LeasedJob, Queue
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_HARBOUR, define, draft
from tests.achievements.test_backfill import finished
from tests.imports.files import Json, counts, ended, imported, member, send
from tests.support import cluster
from tests.support.people import ADA, BO, HARBOUR
from tests.support.today import needs_time_outs
from tests.support.wiring import services_of

LOCKS = {
    "member": f"SELECT FROM members WHERE user_id = {ADA} FOR UPDATE",
    "import": "SELECT FROM imports FOR UPDATE",
    "guild": f"SELECT FROM guilds WHERE id = {HARBOUR} FOR UPDATE",
}
WAITING = """
    SELECT pid FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 AND datname = current_database()
"""
TAKEN_OVER = """
    WITH job AS (SELECT id FROM jobs FOR UPDATE)
    UPDATE jobs SET holder = 'another', leased_until = now() + interval '1 min' FROM job RETURNING holder
"""
FILE = b"user_id,xp\n%d,7\n%d,9\n" % (ADA, BO)


@pytest.fixture
def database(litestar_app: Litestar) -> Database:
    found: Database = services_of(litestar_app).database
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is waited for is shorter; a lease lasts as long as it does."""
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(work, "PATIENT", "SET LOCAL lock_timeout = '200ms'")
    monkeypatch.setattr(retries, "LONGEST_PAUSE", 0.5)


@asynccontextmanager
async def locking(settings: Settings, row: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(settings.owner_database_url)
    try:
        async with connection.transaction():
            await connection.execute(LOCKS[row])
            yield
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


class Watcher:
    """Another process, which takes the job as soon as it can, and sees who has it."""

    def __init__(self, owner: PlainConnection, database: Database) -> None:
        self._owner, self._queue = owner, Queue(database)
        self.holders: set[str | None] = set()
        self.renewals: set[object] = set()

    async def look(self) -> bool:
        """Whether there is a job."""
        assert await self._queue.lease() == [], "somebody else took it"
        row = await self._owner.fetchrow("SELECT holder, leased_until FROM jobs")
        if row is not None:
            self.holders.add(row["holder"])
            self.renewals.add(row["leased_until"])
        return row is not None

    async def see_renewals(self, count: int) -> None:
        """Waits until the lease has been renewed so often."""
        more = len(self.renewals) + count

        async def are_there() -> bool:
            assert await self.look()
            return len(self.renewals) >= more

        await until(are_there)

    async def see_the_end(self) -> None:
        async def is_over() -> bool:
            return not await self.look()

        await until(is_over)
        assert len(self.holders) == 1


async def begun(bot: httpx2.AsyncClient, settings: Settings, owner: PlainConnection, stack: AsyncExitStack) -> str:
    """An import that waits for Ada's row."""
    await imported(bot, "csv", b"user_id,xp\n%d,1\n" % ADA)
    await stack.enter_async_context(locking(settings, "member"))
    asked = await send(bot, "csv", FILE, mode="add")
    assert asked.status_code == 202, asked.text
    await until(lambda: owner.fetchval(WAITING))
    return asked.headers["Location"]


async def assert_exact(bot: httpx2.AsyncClient, location: str) -> None:
    found: Json = await ended(bot, location)
    assert (found["status"], found["counts"]) == ("finished", counts(2, 2))
    assert [(await member(bot, user))["xp"] for user in (ADA, BO)] == [8, 9]


@pytest.mark.parametrize("row", LOCKS)
async def test_a_row_that_others_hold(
    bot: httpx2.AsyncClient, settings: Settings, owner: PlainConnection, database: Database, row: str
) -> None:
    watcher = Watcher(owner, database)
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        location = await begun(bot, settings, owner, first)
        if row != "member":
            await second.enter_async_context(locking(settings, row))
            await first.aclose()
        await watcher.see_renewals(20)  # two seconds: time-outs of both kinds, ten in a row
    await watcher.see_the_end()
    await assert_exact(bot, location)


@pytest.mark.parametrize("ends", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_transaction_that_is_ended(
    bot: httpx2.AsyncClient,
    settings: Settings,
    owner: PlainConnection,
    database: Database,
    database_name: str,
    ends: str,
) -> None:
    watcher = Watcher(owner, database)
    async with AsyncExitStack() as stack:
        location = await begun(bot, settings, owner, stack)
        await watcher.look()
        superuser = await asyncpg.connect(cluster.url("postgres", database_name))
        await until(lambda: superuser.fetch(f"SELECT {ends}(pid) FROM ({WAITING}) AS waiting"))
        await superuser.close()
        await watcher.see_renewals(5)
    await watcher.see_the_end()
    await assert_exact(bot, location)


async def test_a_process_does_not_begin_a_second_time_what_it_does(
    bot: httpx2.AsyncClient, owner: PlainConnection, database: Database
) -> None:
    """Though it could not renew the lease."""
    mine = Queue(database)
    async with database.transaction() as connection:
        job = await mine.put(connection, "import", 0, leased=True)
    async with mine.leases.heartbeat(job.id):
        await owner.execute("UPDATE jobs SET leased_until = now() - interval '1 s'")
        assert await mine.lease() == []
    await owner.execute("DELETE FROM jobs")


@needs_time_outs
async def test_no_connection_is_free(
    bot: httpx2.AsyncClient,
    settings: Settings,
    owner: PlainConnection,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "acquire_timeout", 0.2)
    async with AsyncExitStack() as stack:
        location = await begun(bot, settings, owner, stack)
        (holder,) = [row[0] for row in await owner.fetch("SELECT holder FROM jobs")]
        async with AsyncExitStack() as taken:
            for _ in range(database.pool_size):
                await taken.enter_async_context(database.connection(first=True))
            for _ in range(3):
                await until(lambda: _returned(database.waiting > 0))
                await until(lambda: _returned(database.waiting == 0))
            assert await owner.fetchval("SELECT holder FROM jobs") == holder
        watcher = Watcher(owner, database)
        await watcher.see_renewals(3)
    await watcher.see_the_end()
    assert watcher.holders == {holder}
    await assert_exact(bot, location)


async def _returned(value: object) -> object:
    return value


async def test_a_backfill_keeps_its_lease(
    bot: httpx2.AsyncClient, settings: Settings, owner: PlainConnection, database: Database
) -> None:
    await imported(bot, "csv", b"user_id,messages\n%d,5\n" % ADA)
    watcher = Watcher(owner, database)
    async with locking(settings, "member"):
        await define(bot, draft(gte=5, retroactive=True))
        await until(lambda: owner.fetchval(WAITING))
        await watcher.see_renewals(20)
    await watcher.see_the_end()
    found = await finished(bot, f"{OF_HARBOUR}/chatterbox")
    assert (found["awarding"]["status"], found["awarded_count"]) == ("finished", 1)


async def test_who_has_lost_it_changes_nothing(
    bot: httpx2.AsyncClient, settings: Settings, owner: PlainConnection, database: Database
) -> None:
    async with AsyncExitStack() as stack:
        location = await begun(bot, settings, owner, stack)
        assert await owner.fetchval(TAKEN_OVER) == "another"  # between two of its transactions
    mine = Queue(database)
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT id, kind, subject, attempts FROM jobs")
        assert row is not None
        job = LeasedJob(*row)
        with pytest.raises(LeaseLost):
            await mine.fence(connection, job)
    assert (await bot.get(location)).json()["status"] == "running"
    assert await owner.fetchval("SELECT xp FROM members WHERE user_id = $1", ADA) == 1
    await owner.execute("UPDATE jobs SET leased_until = now() - interval '1 s'")
    await assert_exact(bot, location)
