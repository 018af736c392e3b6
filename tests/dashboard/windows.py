"""Pages of the dashboard that share what they have loaded and compiled: that is most of what a page costs."""

import base64
from contextlib import suppress
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, CDPSession, Error, Page

from tests.support.browser import Tab, new_tab, recorded

_PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'><rect width='1' height='1' fill='teal'/></svg>"


class Windows:
    """One for each language, to which pages come one after the other; and further ones if a test needs several."""

    def __init__(self, chromium: Browser, base_url: str) -> None:
        self.base_url = base_url
        self._chromium = chromium
        self._kept: dict[str, Page] = {}
        self._tabs: list[Tab] = []

    async def open(self, *, width: int, color_scheme: Literal["light", "dark"], locale: str) -> Tab:
        """An empty page that shares no person's data with other pages."""
        if self._tabs:
            tab = await new_tab(self._chromium, width=width, color_scheme=color_scheme, locale=locale)
        else:
            tab = await recorded(await self._context(locale))
            await tab.page.set_viewport_size({"width": width, "height": 800})
            await tab.page.emulate_media(color_scheme=color_scheme)
        self._tabs.append(tab)
        await _show_pictures(tab.page)
        return tab

    async def _context(self, locale: str) -> BrowserContext:
        """A page stays open in it: a process without pages ends, and forgets what it has compiled."""
        if locale not in self._kept:
            tab = await new_tab(self._chromium, locale=locale)
            await tab.page.goto(f"{self.base_url}/health/live")
            self._kept[locale] = tab.page
        return self._kept[locale].context

    async def clear(self) -> None:
        """Closes the pages, and forgets whoever was logged in."""
        kept = {page.context for page in self._kept.values()}
        for tab in self._tabs:
            context = tab.page.context
            if context in kept:
                await tab.page.close()
                await context.set_offline(False)
                await self._forget(context)
            else:
                await context.close()
        self._tabs.clear()

    async def _forget(self, context: BrowserContext) -> None:
        await context.clear_cookies()
        session = await context.new_cdp_session(context.pages[0])
        stored = {"origin": self.base_url, "storageTypes": "local_storage"}
        await session.send("Storage.clearDataForOrigin", stored)
        await session.detach()

    async def close(self) -> None:
        for page in self._kept.values():
            await page.context.close()


async def _show_pictures(page: Page) -> None:
    """Discord's picture of anybody. Not by `page.route`: that would keep the whole page from the browser's cache."""
    session: CDPSession = await page.context.new_cdp_session(page)

    async def answer(request: dict[str, Any]) -> None:  # Any: JSON
        fulfilled = {
            "requestId": request["requestId"],
            "responseCode": 200,
            "responseHeaders": [{"name": "Content-Type", "value": "image/svg+xml"}],
            "body": base64.b64encode(_PICTURE.encode()).decode(),
        }
        with suppress(Error):  # the page is closed
            await session.send("Fetch.fulfillRequest", fulfilled)

    session.on("Fetch.requestPaused", answer)
    await session.send("Fetch.enable", {"patterns": [{"urlPattern": "https://cdn.discordapp.com/*"}]})
