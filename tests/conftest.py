"""What every test can ask for."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest
import structlog
from litestar import Litestar
from litestar.types import ASGIApp
from playwright.async_api import Browser

from api.app import create_litestar, with_middleware
from api.auth import slots
from api.config import Settings
from api.lib.metrics import Metrics
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, OWNER
from tests.support import cluster, today
from tests.support.browser import running_browser
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import CLOCK, MovableClock
from tests.support.discord import API, AUTHORIZE, CLIENT_ID, CLIENT_SECRET, Discord
from tests.support.people import HARBOUR, QUARRY
from tests.support.pgbouncer import MISSING, PROGRAM, keeps_statements, pgbouncer
from tests.support.serving import in_one_task, serve
from tests.support.sharing import share_out
from tests.support.truncate import Truncater
from tests.support.wiring import services_of

_running: list[cluster.Cluster] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres16", action="store_true", help="test on PostgreSQL 16 instead of the embedded one")
    parser.addoption("--server", metavar="URL", help="test on this server, as a superuser of it")
    parser.addoption("--pgbouncer", action="store_true", help="test with PgBouncer, by transactions, in front of it")


def pytest_configure(config: pytest.Config) -> None:
    # Each process of the run, and each server that a test starts, would else compile everything anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # Plain traces: to paint one, with all that its frames hold, takes seconds.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        today.pass_on()
        _running.append(cluster.Cluster(oldest=config.getoption("--postgres16"), named=config.getoption("--server")))
        try:
            _running[0].start()
        except cluster.NotForTests as error:
            _running.clear()
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share_out(items, int(getattr(config, "workerinput", {}).get("workercount", 1)))


def pytest_unconfigure() -> None:
    while _running:
        _running.pop().stop()


@pytest.fixture(scope="session")
async def database_name() -> AsyncIterator[str]:
    """This process's own database."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"
    await cluster.clone(name)
    yield name
    await cluster.drop(name)


@pytest.fixture(scope="session")
def pooled_url(database_name: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of the application's transactions: PostgreSQL's own, or with `--pgbouncer` the pooler's."""
    if not pytestconfig.getoption("--pgbouncer"):
        yield cluster.url(APP, database_name)
        return
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pgbouncer(APP) as pooler:
        yield pooler.url(APP, database_name)


@pytest.fixture(scope="session")
def settings(
    database_name: str, pooled_url: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return Settings(
        database_url=pooled_url,
        prepared_statements=True if pytestconfig.getoption("--pgbouncer") and keeps_statements() else None,
        session_database_url=cluster.url(APP, database_name) if pytestconfig.getoption("--pgbouncer") else None,
        owner_database_url=cluster.url(OWNER, database_name),
        data_dir=str(tmp_path_factory.mktemp("data")),
        secret="0" * 64,
        discord_client_id=CLIENT_ID,
        discord_client_secret=CLIENT_SECRET,
        discord_api_url=f"http://discord.test{API}",
        discord_authorize_url=f"http://discord.test{AUTHORIZE}",
        log_level="error",
        anonymous_rate_limit=1_000_000,
        # A busy machine is no fault: what a test asks for waits. The tests of these bounds set their own.
        acquire_timeout_ms=20_000,
        request_timeout_seconds=60,
    )


@pytest.fixture(scope="session")
def movable_clock() -> MovableClock:
    return CLOCK


@pytest.fixture(scope="session")
def standing_in() -> Discord:
    """What the application takes for Discord."""
    return Discord()


@pytest.fixture(scope="session")
async def running_app(settings: Settings, movable_clock: MovableClock, standing_in: Discord) -> AsyncIterator[Litestar]:
    """The application with its pool and background tasks, running for all tests of this process."""
    slots.WAIT_SECONDS = 60.0  # a busy machine is no fault here either
    app = create_litestar(settings, clock=movable_clock, metrics=Metrics(), discord=httpx2.ASGITransport(standing_in))
    async with in_one_task(app.lifespan()):
        # What is there now stays until the end: the collector need not look at it over and over.
        gc.collect()
        gc.freeze()
        yield app


@pytest.fixture(scope="session")
async def owner(settings: Settings) -> AsyncIterator[PlainConnection]:
    """A connection that may do anything, to look at what was stored."""
    connection = await asyncpg.connect(settings.owner_database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def truncater(settings: Settings, database_name: str) -> AsyncIterator[Truncater]:
    """Empties the tables of this process's database."""
    made = await Truncater.connect(cluster.url("postgres", database_name))
    yield made
    await made.close()


@pytest.fixture
def clock(movable_clock: MovableClock) -> MovableClock:
    """The application's clock; it is put right again after the test."""
    return movable_clock


@pytest.fixture
async def litestar_app(
    running_app: Litestar, owner: PlainConnection, truncater: Truncater, movable_clock: MovableClock
) -> AsyncIterator[Litestar]:
    """The running application, with empty tables, empty caches and the right time."""
    movable_clock.put_right()
    await _forget_everything(running_app, owner, truncater)
    yield running_app
    movable_clock.put_right()


async def _forget_everything(app: Litestar, connection: PlainConnection, truncater: Truncater) -> None:
    guilds = {row["id"] for row in await connection.fetch("SELECT id FROM guilds")}
    keys = {row["id"] for row in await connection.fetch("SELECT id FROM api_keys")}
    sessions = {row["id"] for row in await connection.fetch("SELECT id FROM sessions")}
    await truncater.truncate()
    services_of(app).limiter.clear()
    services_of(app).entrance.limits.clear()
    for kind, ids in (("guild", guilds), ("settings", guilds), ("key", keys), ("session", sessions), ("module", {0})):
        services_of(app).watcher.invalidate(kind, ids)


@pytest.fixture
def app(litestar_app: Litestar, settings: Settings) -> ASGIApp:
    """The whole application, its outermost middleware around it, as uvicorn would call it."""
    return with_middleware(litestar_app, settings)


@pytest.fixture
def clients(app: ASGIApp, litestar_app: Litestar) -> Clients:
    """Makes clients of the application."""
    return Clients(app, services_of(litestar_app).keys)


@pytest.fixture
async def bot(clients: Clients) -> AsyncIterator[httpx2.AsyncClient]:
    """The bot of the whole installation: all scopes, all guilds. Harbour and Quarry are there."""
    async with await clients.bot() as client:
        for guild_id, name in ((HARBOUR, "Harbour"), (QUARRY, "Quarry")):
            response = await client.put(f"/v1/guilds/{guild_id}", json={"name": name})
            assert response.status_code == 201, response.text
        yield client


@pytest.fixture
async def harbour_bot(bot: httpx2.AsyncClient, clients: Clients) -> AsyncIterator[httpx2.AsyncClient]:
    """All scopes, in Harbour alone."""
    async with await clients.bot(guilds=[HARBOUR]) as client:
        yield client


@pytest.fixture
async def mallory(bot: httpx2.AsyncClient, clients: Clients) -> AsyncIterator[httpx2.AsyncClient]:
    """The stranger: all scopes, in Quarry alone."""
    async with await clients.bot(guilds=[QUARRY]) as client:
        yield client


@pytest.fixture
def discord(standing_in: Discord, litestar_app: Litestar) -> Discord:
    """Discord as it is at first, and remembered by nobody."""
    standing_in.reset()
    people = services_of(litestar_app).accounts
    assert people.access is not None
    assert people.discord is not None
    for kept in (people.access._guilds, people.access._roles):
        kept._known.clear()
        kept._failed.clear()
    people.discord._paused.clear()
    return standing_in


@pytest.fixture
def browsers(app: ASGIApp, litestar_app: Litestar, discord: Discord, bot: httpx2.AsyncClient) -> Browsers:
    """Makes browsers, once Harbour and Quarry are there."""
    return Browsers(app, discord, services_of(litestar_app).accounts)


@pytest.fixture
async def anonymous(clients: Clients) -> AsyncIterator[httpx2.AsyncClient]:
    """Nobody."""
    async with clients.anonymous() as client:
        yield client


@pytest.fixture(scope="session")
async def chromium(standing_in: Discord) -> AsyncIterator[Browser]:
    """One browser for all tests of this process; each test has contexts of its own."""

    @asynccontextmanager
    async def browsing() -> AsyncIterator[Browser]:
        async with serve(standing_in, lifespan="off") as discord, running_browser(discord) as browser:
            yield browser

    async with in_one_task(browsing()) as browser:
        yield browser


@pytest.fixture
def screenshots() -> Path:
    """Where screenshots go; git ignores it."""
    folder = Path(__file__).parents[1] / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
