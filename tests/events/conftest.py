"""The application on a real port: streams are read as they come, which no client within a process does."""

from collections.abc import AsyncIterator

import pytest
from litestar.types import ASGIApp

from tests.support.serving import serve


@pytest.fixture
async def base_url(app: ASGIApp) -> AsyncIterator[str]:
    async with serve(app, lifespan="off") as url:
        yield url
