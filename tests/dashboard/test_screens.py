"""Each screen while answers are late, while the server is away, and when it is back; and a large guild."""

import asyncio

import httpx2
from playwright.async_api import Page, Route, expect

from tests.dashboard.support import Dashboard, page_of
from tests.dashboard.test_for_everybody import PAGES
from tests.imports.files import imported
from tests.support.people import HARBOUR

MEMBERS = 10_000


class Network:
    """What happens to requests of the API: they are held until `let_go`, then they fail if `is_away`."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.is_away = False

    async def answer(self, route: Route) -> None:
        if "/v1/events" not in route.request.url:
            await self.let_go.wait()
            if self.is_away:
                await route.fulfill(status=503, json={"title": "Away", "detail": "Later."})
                return
        await route.continue_()


async def assert_waits_fails_and_comes_back(page: Page, network: Network, fragment: str) -> None:
    network.let_go.clear()
    await page.evaluate("hash => { location.hash = hash }", fragment)
    await expect(page.locator("main[aria-busy] .skeleton")).to_be_visible()
    network.is_away = True
    network.let_go.set()
    await expect(page.get_by_role("alert").first).to_contain_text("Later.")
    network.is_away = False
    # It also tries by itself, and may be quicker than a finger.
    await page.evaluate("document.querySelector('[id^=retry]')?.click()")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("main")).not_to_have_attribute("aria-busy", "true")


async def test_each_screen_waits_fails_and_comes_back(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page, network = tab.page, Network()
    await expect(page.get_by_role("table")).to_be_visible()
    await page.route("**/v1/**", network.answer)
    await page.evaluate("location.hash = '#/sessions'")
    await expect(page.get_by_role("heading", level=1, name="Your sessions")).to_be_visible()
    for name, fragment in PAGES.items():
        if name != "sessions":
            await assert_waits_fails_and_comes_back(page, network, fragment)
    dashboard.assert_clean(tab, refused=(503,))


async def test_a_large_guild(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """Ten thousand members, 500 channels and 250 roles: what is drawn stays small, and everybody is found."""
    for kind, count, first in (("channels", 500, 41_771_983_423_150_000), ("roles", 250, 190_320_984_123_770_000)):
        items = [{"id": str(first + n), "name": f"{kind}-{n}", "position": n} for n in range(count)]
        assert (await bot.put(f"/v1/guilds/{HARBOUR}/{kind}", json={"items": items})).is_success
    rows = (f"{9_000_000_000_000_000 + n},{n},Sailor {n}" for n in range(MEMBERS))
    found = await imported(bot, "csv", "\n".join(["user_id,xp,display_name", *rows]).encode())
    assert found["status"] == "finished", found
    tab = await dashboard.open(page_of("members"))
    page = tab.page
    table = page.get_by_role("table", name="Members").get_by_role("row")
    await expect(table).to_have_count(51)
    await page.get_by_role("button", name="Show more").click()
    await expect(table).to_have_count(101)
    await page.get_by_label("Search by name or id").fill("sailor 9876")
    await expect(page.get_by_text("1 member found.")).to_be_visible()
    await page.evaluate("hash => { location.hash = hash }", page_of("board"))
    await expect(page.get_by_text("10,042 members on this leaderboard.")).to_be_visible()
    await page.evaluate("hash => { location.hash = hash }", page_of("settings/leveling"))
    readers = page.locator('[data-property="ignored_role_ids"]')
    await readers.get_by_role("searchbox").fill("roles-249")
    await readers.get_by_role("checkbox").check()
    await expect(page.get_by_text("1 change not saved")).to_be_visible()
    dashboard.assert_clean(tab)
