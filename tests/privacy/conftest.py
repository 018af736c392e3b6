"""What tests of privacy share."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.members.counters import assert_counters


@pytest.fixture(autouse=True)
async def counters_hold(owner: PlainConnection, bot: httpx2.AsyncClient) -> AsyncIterator[None]:
    """After each test boards and counters of ranks are what a recount gives."""
    yield
    await assert_counters(owner)
