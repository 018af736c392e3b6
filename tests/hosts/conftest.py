"""A migrated database with a log-in of its own, as `docs/production.md` sets it up."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

import piccolo_conf
from api.postgres.migrations import migrate
from tests.hosts.test_rolling import DATABASE
from tests.operation.servers import MEMBER
from tests.support import cluster


@pytest.fixture
async def member() -> AsyncIterator[str]:
    root = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await cluster.clone(DATABASE)
    await root.execute(f"DROP ROLE IF EXISTS {MEMBER}")
    await root.execute(f"CREATE ROLE {MEMBER} {cluster.login()}")
    await migrate(piccolo_conf.DB, cluster.url("postgres", DATABASE), session_url=cluster.url(MEMBER, DATABASE))
    yield MEMBER
    await cluster.drop(DATABASE)
    await root.execute(f"DROP ROLE {MEMBER}")
    await root.close()
