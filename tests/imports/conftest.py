"""What tests of imports share."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.members.counters import assert_counters


@pytest.fixture(autouse=True)
async def nothing_is_left(owner: PlainConnection, bot: httpx2.AsyncClient) -> AsyncIterator[None]:
    """After each test the counters of ranks are what a recount gives, and no job nor file is left."""
    yield
    await assert_counters(owner)
    for table in ("jobs", "import_chunks", "import_events", "import_members"):
        async with asyncio.timeout(10):  # it is swept when the import has ended already
            while await owner.fetchval(f"SELECT count(*) FROM {table}"):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)
