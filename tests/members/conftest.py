"""What tests of members share."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.auth.scopes import Scope
from api.postgres.engine import PlainConnection
from tests.members.counters import assert_counters
from tests.support.clients import Clients


@pytest.fixture(autouse=True)
async def counters_hold(owner: PlainConnection, bot: httpx2.AsyncClient) -> AsyncIterator[None]:
    """After each test the counters of ranks are what a recount gives."""
    yield
    await assert_counters(owner)


@pytest.fixture
async def reader(bot: httpx2.AsyncClient, clients: Clients) -> AsyncIterator[httpx2.AsyncClient]:
    """May read members, and sees nobody who is hidden."""
    async with await clients.bot(scopes=[Scope.MEMBERS_READ]) as client:
        yield client
