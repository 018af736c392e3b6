"""The dashboard in a browser, before the whole application; Discord's own pages are answered by the stand-in."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser, Route

from tests.dashboard.support import Dashboard, fill
from tests.support.browsers import Browsers
from tests.support.discord import Discord
from tests.support.people import HARBOUR
from tests.support.serving import in_process, serve


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

    async def answered(route: Route) -> None:
        async with in_process(discord, "http://discord.test") as client:
            said = await client.get(route.request.url)
        await route.fulfill(status=said.status_code, headers=dict(said.headers), body=said.content)

    async with serve(app, lifespan="off") as base_url:
        made = Dashboard(chromium, base_url, browsers, answered)
        yield made
        await made.close()
