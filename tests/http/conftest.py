"""The application on a real port, for what only bytes on a socket show."""

from collections.abc import AsyncIterator

import pytest
from litestar.types import ASGIApp

from api.http import connections
from tests.http.wire import Wire
from tests.support.serving import serve


@pytest.fixture
async def wire(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """Opens connections to it."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)
    async with serve(app, lifespan="off") as base_url:
        yield Wire(int(base_url.rpartition(":")[2]))
