"""What tests of the clients share."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from litestar.types import ASGIApp

from guildhall_client import Guildhall
from tests.clients.transports import FaultyTransport
from tests.support.clients import BASE_URL, Clients


@pytest.fixture
def transport(app: ASGIApp) -> FaultyTransport:
    return FaultyTransport(httpx2.ASGITransport(app))  # type: ignore[arg-type] # ASGI in other words


@pytest.fixture
async def guildhall(bot: httpx2.AsyncClient, clients: Clients, transport: FaultyTransport) -> AsyncIterator[Guildhall]:
    """The Python client, with a key of the whole installation. Harbour and Quarry are there."""
    async with Guildhall(BASE_URL, await clients.key(), transport=transport, patience=5) as client:
        yield client
