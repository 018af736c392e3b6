"""The dashboard in a browser, before the whole application."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser

from tests.dashboard.support import Dashboard, fill
from tests.support.browsers import Browsers
from tests.support.discord import Discord
from tests.support.people import HARBOUR
from tests.support.serving import serve


@pytest.fixture
async def dashboard(
    app: ASGIApp,
    discord: Discord,
    bot: httpx2.AsyncClient,
    browsers: Browsers,
    chromium: Browser,
    screenshots: Path,
) -> AsyncIterator[Dashboard]:
    """Harbour with roles, channels and a busy week, served; nobody is logged in."""
    await fill(bot, HARBOUR)

    async with serve(app, lifespan="off") as base_url:
        made = Dashboard(chromium, base_url, browsers)
        yield made
        await made.close()
