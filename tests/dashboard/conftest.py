"""The dashboard in a browser, before the whole application; Discord's own pages are answered by the stand-in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser, Route, expect

from tests.dashboard.support import Dashboard, settle
from tests.support.browser import running_browser
from tests.support.browsers import Browsers
from tests.support.discord import Discord
from tests.support.people import HARBOUR
from tests.support.serving import in_process, serve

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests of this process; each test has contexts of its own."""
    started, ended = asyncio.Event(), asyncio.Event()
    found: list[Browser] = []

    async def live() -> None:
        async with running_browser() as browser:
            found.append(browser)
            started.set()
            await ended.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    yield found[0]
    ended.set()
    await task


@pytest.fixture
async def dashboard(
    app: ASGIApp,
    discord: Discord,
    bot: httpx.AsyncClient,
    browsers: Browsers,
    chromium: Browser,
    screenshots: Path,
) -> AsyncIterator[Dashboard]:
    """Harbour with roles, channels and a busy week, served; nobody is logged in."""
    await settle(bot, HARBOUR)

    async def answered(route: Route) -> None:
        async with in_process(discord, "http://discord.test") as client:
            said = await client.get(route.request.url)
        await route.fulfill(status=said.status_code, headers=dict(said.headers), body=said.content)

    async with serve(app, lifespan="off") as base_url:
        made = Dashboard(chromium, base_url, browsers, answered)
        yield made
        await made.close()
