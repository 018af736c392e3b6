"""The dashboard in a browser, before the whole application."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar import Litestar
from playwright.async_api import Browser

from api.app import with_middleware
from api.config import Settings
from tests.dashboard.support import Dashboard, fill
from tests.dashboard.windows import Windows
from tests.support.browsers import Browsers
from tests.support.discord import Discord
from tests.support.people import HARBOUR
from tests.support.serving import serve


@pytest.fixture(scope="session")
async def windows(running_app: Litestar, settings: Settings, chromium: Browser) -> AsyncIterator[Windows]:
    """Where the tests' pages are opened, on one server for all of them."""
    async with serve(with_middleware(running_app, settings), lifespan="off") as base_url:
        made = Windows(chromium, base_url)
        yield made
        await made.close()


@pytest.fixture
async def dashboard(
    windows: Windows,
    discord: Discord,
    bot: httpx2.AsyncClient,
    browsers: Browsers,
    screenshots: Path,
) -> AsyncIterator[Dashboard]:
    """Harbour with roles, channels and a busy week, served; nobody is logged in."""
    await fill(bot, HARBOUR)
    yield Dashboard(windows, browsers)
    await windows.clear()
