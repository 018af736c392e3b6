"""A primary with a migrated database, a replica of it, and what reads from them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

import piccolo_conf
from api.config import Settings
from api.lib.metrics import Metrics
from api.postgres.access import configure_login, find_access
from api.postgres.change_watcher import stop
from api.postgres.database import Database
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import GuildhallEngine, PlainConnection
from api.postgres.migrations import migrate
from api.postgres.provision import APP, DATABASE, OWNER, ROLE_SETTINGS
from api.postgres.reader import Reader
from api.postgres.replica import OK, Replica
from api.postgres.replica_setup import build_reader
from tests.replicas.standby import Standby, primary, standby_of

SECONDS = 60  # a busy machine is no fault


@pytest.fixture(scope="package")
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """The primary of all tests of this folder, with an empty, migrated database."""
    with primary() as started:
        await fill(started)
        yield started


async def fill(server: EmbeddedPostgres) -> None:
    root = await asyncpg.connect(server.url("postgres", "postgres"))
    for role in ROLE_SETTINGS:
        await root.execute(f"CREATE ROLE {role} LOGIN")
    await root.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    await migrate(piccolo_conf.DB, server.url(OWNER, DATABASE))
    await configure_login(root, server.url(APP, DATABASE))
    await root.close()


@pytest.fixture(scope="package")
def standby(server: EmbeddedPostgres) -> Iterator[Standby]:
    """A replica that all tests of this folder leave as it was."""
    with standby_of(server, max_standby_streaming_delay="-1") as started:  # it cancels nothing that a test asks
        yield started


@pytest.fixture
def addresses(server: EmbeddedPostgres, standby: Standby, settings: Settings) -> Settings:
    return settings_of(settings, server, standby)


def settings_of(settings: Settings, server: EmbeddedPostgres, standby: EmbeddedPostgres) -> Settings:
    return Settings(
        database_url=server.url(APP, DATABASE),
        owner_database_url=server.url(OWNER, DATABASE),
        read_database_url=standby.url(APP, DATABASE),
        read_lag_seconds=1,
        pool_size=4,
        data_dir=settings.data_dir,
        secret=settings.secret,
        acquire_timeout_ms=5_000,
    )


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not (await found if isinstance(found := holds(), Awaitable) else found):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.02)


class Worker:
    """The database and the reader of one process."""

    def __init__(self, database: Database, reader: Reader, replica: Replica, metrics: Metrics) -> None:
        self.database = database
        self.reader = reader
        self.replica = replica
        self._metrics = metrics

    def count(self, outcome: str = "replica") -> int:
        """How many reads ended like that."""
        return int(self._metrics.replica_reads.labels(outcome=outcome)._value.get())

    async def state(self, words: str) -> None:
        """Returns when the state begins with these words."""
        await until(lambda: self.replica.state.startswith(words))

    async def is_on_replica(self) -> bool:
        """Whether a read goes there now."""
        return bool(await self.reader.read(lambda c: c.fetchval("SELECT pg_is_in_recovery()")))

    async def returns(self) -> None:
        """Returns when the replica answers again."""
        await until(self.is_on_replica)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Worker]:
    """A process that uses the replica of these settings. It may not be there."""
    metrics, database = Metrics(), Database(GuildhallEngine(), pool_size=4, acquire_timeout=5)
    await database.open(await find_access(settings))
    reader = build_reader(settings, database, metrics)
    assert reader.replica is not None
    task = asyncio.create_task(reader.replica.run())
    try:
        yield Worker(database, reader, reader.replica, metrics)
    finally:
        await stop(task)
        await reader.close()
        await database.close()


@pytest.fixture
async def worker(addresses: Settings, on_standby: PlainConnection) -> AsyncIterator[Worker]:
    async with working(addresses) as made:
        await made.state(OK)
        await made.returns()
        try:
            yield made
        finally:
            await on_standby.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture
async def root(server: EmbeddedPostgres) -> AsyncIterator[PlainConnection]:
    """Whoever else writes: another worker, another host. With an empty table of one number."""
    connection = await asyncpg.connect(server.url("postgres", DATABASE))
    await connection.execute("DROP TABLE IF EXISTS numbers")
    await connection.execute("CREATE TABLE numbers (n bigint)")
    await connection.execute("GRANT ALL ON numbers TO PUBLIC")
    yield connection
    await connection.close()


@pytest.fixture
async def on_standby(standby: Standby) -> AsyncIterator[PlainConnection]:
    """Who may pause the replica."""
    connection = await asyncpg.connect(standby.url("postgres", DATABASE))
    yield connection
    await connection.close()
