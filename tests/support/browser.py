"""A headless Chromium that records all its requests and errors."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

expect.set_options(timeout=30_000)  # a busy machine is no fault

SCREENSHOTS = Path("screenshots")
# The first has no windows of its own to draw: half of the work of the others.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # All pages share a process: to start one costs as much as a page.
    "--renderer-process-limit=1",
)
_VIOLATION = "content-security-policy violation: "
_REPORT_VIOLATIONS = f"""
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("{_VIOLATION}" + [event.effectiveDirective, event.blockedURI, event.sourceFile].join(" ")));
"""


class Tab(msgspec.Struct):
    """A page and its record. `requests`: URLs. `errors`: errors of the console, uncaught exceptions and violations of
    the Content-Security-Policy."""

    page: Page
    requests: list[str]
    errors: list[str]

    def foreign(self, base_url: str) -> list[str]:
        """The requests to other servers than `base_url`. `data:` and `blob:` do not count."""
        own = (f"{base_url}/", "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]

    async def screenshot(self, name: str) -> None:
        """With `SCREENSHOTS=1`, saves the whole page as `screenshots/<name>.png`, with all animations at their end."""
        if "SCREENSHOTS" not in os.environ:
            return
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")


def chromium() -> str:
    """The path of an installed Chromium. Raises `AssertionError` if there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise AssertionError("This test needs Chromium. `make browser` installs it, or says how to.")


@asynccontextmanager
async def running_browser(discord: str) -> AsyncIterator[Browser]:
    """A browser without pages, closed at the end. It finds Discord's stand-in at the address `discord`. Other requests
    to the internet fail at once, even on a machine with internet."""
    hosts = f"MAP discord.test {discord.removeprefix('http://')}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=[*_ARGUMENTS, f"--host-resolver-rules={hosts}"]
        )
        try:
            yield browser
        finally:
            await browser.close()


async def new_tab(
    browser: Browser,
    *,
    width: int = 1280,
    height: int = 800,
    color_scheme: Literal["light", "dark"] = "light",
    java_script: bool = True,
    locale: str = "en-US",
) -> Tab:
    """An empty page of `width` by `height` CSS pixels, which shares nothing with other pages of the browser."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=color_scheme,
        java_script_enabled=java_script,
        locale=locale,
    )
    return await recorded(context)


async def recorded(context: BrowserContext) -> Tab:
    """A new page of the context."""
    page = await context.new_page()
    await page.add_init_script(_REPORT_VIOLATIONS)
    tab = Tab(page, [], [])
    page.on("request", lambda request: tab.requests.append(request.url))
    page.on("pageerror", lambda error: tab.errors.append(str(error)))
    page.on("console", lambda message: _note(message, tab))
    return tab


@asynccontextmanager
async def browser_page(
    browser: Browser,
    *,
    width: int = 1280,
    height: int = 800,
    color_scheme: Literal["light", "dark"] = "light",
    java_script: bool = True,
) -> AsyncIterator[Tab]:
    """An empty page that shares nothing with other pages of the browser, closed at the end."""
    tab = await new_tab(browser, width=width, height=height, color_scheme=color_scheme, java_script=java_script)
    try:
        yield tab
    finally:
        await tab.page.context.close()


def _note(message: ConsoleMessage, tab: Tab) -> None:
    if message.type == "error":
        tab.errors.append(message.text)
