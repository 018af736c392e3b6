"""What holds for each connection of ours, whoever opens it."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import msgspec
import pytest

import piccolo_conf
from api.app import create_litestar
from api.cli import doctor
from api.config import Settings
from api.lib.metrics import Metrics
from api.postgres.access import UnusableDatabase, find_access
from api.postgres.embedded.cluster import MAJOR
from api.postgres.engine import GuildhallEngine, PlainConnection
from api.postgres.migrations import known, migrate, roll_back
from api.postgres.preflight import LEAST_VERSION, refuse_unusable
from api.postgres.provision import APP, OWNER
from tests.support import cluster
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.serving import in_one_task

SOURCES = Path(__file__).parents[2] / "api"
ONE_PLACE = SOURCES / "postgres" / "connections.py"
OPENING = {"connect", "create_pool"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[tuple[str, str]]":
    """Each connection as it is opened: by which role, and what it says of `jit`."""
    found: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    real: Callable[..., Awaitable[PlainConnection]] = asyncpg.connect

    async def connect(*args: Any, **options: Any) -> PlainConnection:  # Any: asyncpg's own
        connection = await real(*args, **options)
        role = await connection.fetchval("SELECT current_user::text")
        found.put_nowait((role, await connection.fetchval("SHOW jit")))
        return connection

    monkeypatch.setattr(asyncpg, "connect", connect)
    monkeypatch.setattr("asyncpg.connection.connect", connect)  # which pools call
    return found


async def test_server_is_the_one_asked_for(
    root: PlainConnection, settings: Settings, pytestconfig: pytest.Config
) -> None:
    """`make test` runs a selection on the oldest PostgreSQL, and one through PgBouncer."""
    assert (await find_access(settings)).has_pooler == pytestconfig.getoption("--pgbouncer")
    major = int(await root.fetchval("SHOW server_version_num")) // 10_000
    if pytestconfig.getoption("--server") is None:
        assert major == (16 if pytestconfig.getoption("--postgres16") else MAJOR)
    assert LEAST_VERSION == 160_000


async def test_no_connection_compiles_statements(
    root: PlainConnection,
    opened: "asyncio.Queue[tuple[str, str]]",
    settings: Settings,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(piccolo_conf.DB, "pool", None)  # the other tests' application gets its own back
    monkeypatch.setattr(piccolo_conf.DB, "lend", piccolo_conf.DB.lend)
    assert await root.fetchval("SHOW jit") == "on", "a connection that asks for nothing"
    settings = msgspec.structs.replace(settings, jobs=False)
    served = create_litestar(settings, clock=MovableClock(), metrics=Metrics(), discord=httpx2.ASGITransport(Discord()))
    async with in_one_task(served.lifespan()):
        # The check of what connections have, the pool's first two, the change watcher, the event poller.
        assert [await opened.get() for _ in range(5)] == [(APP, "off")] * 5
    await refuse_unusable(settings)
    assert {finding.about: finding.mend for finding in await doctor.examine(settings)}["connection"] is None
    assert {opened.get_nowait() for _ in range(opened.qsize())} == {(APP, "off")}

    own = f"{database_name}_connections"
    await cluster.clone(own)
    while not opened.empty():  # the test's own
        opened.get_nowait()
    await roll_back(piccolo_conf.DB, cluster.url(OWNER, own), known()[-1])
    await migrate(piccolo_conf.DB, cluster.url(OWNER, own))
    command = GuildhallEngine()
    command.config = {"dsn": cluster.url(OWNER, own)}
    await (await command.get_new_connection()).close()
    found = [opened.get_nowait() for _ in range(opened.qsize())]
    assert found.count((OWNER, "off")) == 3
    assert {jit for _, jit in found} == {"off"}
    await cluster.drop(own)


def test_connections_are_opened_in_one_place() -> None:
    elsewhere = [
        f"{path.relative_to(SOURCES)}:{node.lineno}"
        for path in SOURCES.rglob("*.py")
        if path != ONE_PLACE
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in OPENING and ast.unparse(node.value).startswith("asyncpg"))
        or (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("asyncpg")
            and OPENING & {name.name for name in node.names}
        )
        or (isinstance(node, ast.Attribute) and node.attr == "start_connection_pool")  # Piccolo's own pool
    ]
    assert elsewhere == []


async def test_all_that_a_worker_opens_is_counted(settings: Settings, owner: PlainConnection) -> None:
    """Its pool, the change watcher, the event poller, two that compute boards, and one for upkeep."""
    largest = int(await owner.fetchval("SHOW max_connections"))
    offered = largest - int(await owner.fetchval("SHOW superuser_reserved_connections"))
    fitting = msgspec.structs.replace(settings, workers=2, pool_size=offered // 2 - 5)
    await refuse_unusable(fitting)
    findings = {finding.about: finding.mend for finding in await doctor.examine(fitting)}
    assert findings[f"connections: {offered // 2 * 2} needed, {offered} available"] is None
    with pytest.raises(UnusableDatabase, match="2 for boards, a change watcher, an event poller and one for upkeep"):
        await refuse_unusable(msgspec.structs.replace(fitting, pool_size=offered // 2 - 4))
