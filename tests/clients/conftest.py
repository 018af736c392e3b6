"""What tests of the clients share."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from litestar.types import ASGIApp

from guildhall_client import Guildhall
from tests.clients.transports import Road
from tests.support.clients import BASE_URL, Clients


@pytest.fixture
def road(app: ASGIApp) -> Road:
    return Road(httpx2.ASGITransport(app))  # type: ignore[arg-type] # ASGI in other words


@pytest.fixture
async def guildhall(bot: httpx2.AsyncClient, clients: Clients, road: Road) -> AsyncIterator[Guildhall]:
    """The Python client, with a key of the whole installation. Harbour and Quarry are there."""
    async with Guildhall(BASE_URL, await clients.key(), transport=road, patience=5) as client:
        yield client
