"""People who log in as with a browser: cookies, redirects, the CSRF token."""

from urllib.parse import urlsplit

import httpx2
from litestar.types import ASGIApp

from api.accounts.accounts import Accounts
from tests.support.clients import BASE_URL
from tests.support.discord import Discord
from tests.support.serving import in_process


class Browsers:
    """Makes browsers. Each has its own cookies."""

    def __init__(self, app: ASGIApp, discord: Discord, accounts: Accounts) -> None:
        """`accounts`: the application's own, to observe what it does by itself."""
        self._app = app
        self.accounts = accounts
        self._discord = discord

    def fresh(self) -> httpx2.AsyncClient:
        """A new browser, not logged in."""
        return in_process(self._app, BASE_URL)

    async def said(self, location: str, **answer: str) -> str:
        """Answers Discord's page: `person="1903…"` or `no="1"`. Returns the address to which the browser is
        redirected."""
        async with in_process(self._discord, "http://discord.test") as client:
            page = await client.get(location)
            assert page.status_code == 200, page.text
            answered = await client.get(location, params={**dict(httpx2.URL(location).params), **answer})
        assert answered.status_code == 302, answered.text
        return answered.headers["location"]

    async def log_in(self, user_id: int, browser: httpx2.AsyncClient | None = None) -> httpx2.AsyncClient:
        """A browser in which the person is logged in, with their CSRF token in every request."""
        browser = browser or self.fresh()
        begun = await browser.get("/auth/discord/login")
        assert begun.status_code == 303, begun.text
        back = await self.said(begun.headers["location"], person=str(user_id))
        parts = urlsplit(back)
        done = await browser.get(f"{parts.path}?{parts.query}")
        assert done.status_code == 303, done.text
        browser.headers["X-CSRF-Token"] = (await browser.get("/v1/me")).json()["csrf_token"]
        return browser
