"""Migrated databases with a log-in of their own, as `docs/production.md` sets it up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

import piccolo_conf
from api.postgres.migrations import migrate
from tests.hosts.test_rolling import DATABASE
from tests.operation.servers import MEMBER
from tests.support import cluster

APART = f"{DATABASE}_apart"


@pytest.fixture
async def member() -> AsyncIterator[str]:
    async with _made(DATABASE):
        yield MEMBER


@pytest.fixture(scope="module")
async def member_apart() -> AsyncIterator[str]:
    async with _made(APART):
        yield MEMBER


@asynccontextmanager
async def _made(database: str) -> AsyncIterator[None]:
    root = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await cluster.clone(database)
    await root.execute(f"DROP ROLE IF EXISTS {MEMBER}")
    await root.execute(f"CREATE ROLE {MEMBER} {cluster.login()}")
    await migrate(piccolo_conf.DB, cluster.url("postgres", database), session_url=cluster.url(MEMBER, database))
    yield
    await cluster.drop(database)
    await root.execute(f"DROP ROLE {MEMBER}")
    await root.close()
