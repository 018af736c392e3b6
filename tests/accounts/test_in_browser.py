"""A log-in as a browser does it: its own redirects, its own cookies."""

import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser, expect

from tests.support.browser import browser_page
from tests.support.browsers import Browsers
from tests.support.discord import AUTHORIZE, Discord
from tests.support.people import ADA, HARBOUR
from tests.support.serving import serve

CHANGE = """
async ([path, token]) => (await fetch(path, {
  method: "PATCH", body: '{"max_level": 7}',
  headers: {"Content-Type": "application/json", ...(token ? {"X-CSRF-Token": token} : {})},
})).status
"""


async def test_ada_logs_in_by_discord(
    chromium: Browser, app: ASGIApp, browsers: Browsers, discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f"/v1/guilds/{HARBOUR}/settings/leveling"
    async with serve(app, lifespan="off") as base, serve(discord) as at_discord, browser_page(chromium) as tab:
        monkeypatch.setattr(browsers.accounts.discord, "_authorize_url", at_discord + AUTHORIZE)
        discord.redirect_uris = {f"{base}/auth/discord/callback"}
        page = tab.page
        await page.goto(f"{base}/auth/discord/login?return_to=/schema")
        await expect(page.get_by_role("heading")).to_have_text("Stand-in for Discord")
        await tab.screenshot("log-in-at-discord")
        await page.get_by_role("link", name="Log in as ada").click()
        await page.wait_for_url(f"{base}/schema")

        me = await page.evaluate("fetch('/v1/me').then(answer => answer.json())")
        assert me["id"] == str(ADA)
        assert await page.evaluate(CHANGE, [settings, me["csrf_token"]]) == 200
        assert await page.evaluate(CHANGE, [settings, None]) == 403
        assert "guildhall" not in await page.evaluate("document.cookie"), "no script reads it"
        (cookie,) = [found for found in await page.context.cookies() if "session" in found["name"]]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
        out = "fetch('/auth/logout', {method: 'POST', headers: {'X-CSRF-Token': '%s'}}).then(answer => answer.status)"
        assert await page.evaluate(out % me["csrf_token"]) == 204
        assert await page.context.cookies() == []
        assert await page.evaluate("fetch('/v1/me').then(answer => answer.status)") == 401
