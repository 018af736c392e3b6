"""A pool of the tests' own, and who sees every session."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.config import Settings
from api.postgres.access import find_access
from api.postgres.database import Database
from api.postgres.engine import GuildhallEngine, PlainConnection
from tests.database.pools import SIZE
from tests.support import cluster


@pytest.fixture
async def root(database_name: str) -> AsyncIterator[PlainConnection]:
    """Who sees every session and may end it."""
    connection = await asyncpg.connect(cluster.url("postgres", database_name))
    yield connection
    await connection.close()


@pytest.fixture
async def database(settings: Settings, root: PlainConnection) -> AsyncIterator[Database]:
    """A pool of four on an engine of its own. A busy machine is no fault: who tests the wait itself shortens it."""
    await root.execute("TRUNCATE guilds CASCADE")
    opened = Database(GuildhallEngine(), pool_size=SIZE, acquire_timeout=20)
    await opened.open(await find_access(settings))
    yield opened
    await opened.close()
