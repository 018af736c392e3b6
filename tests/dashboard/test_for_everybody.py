"""Narrow screens, the dark, the keyboard alone, and what a checker of accessibility finds."""

from typing import Literal

import httpx2
from playwright.async_api import Page, expect

from tests.dashboard.support import Dashboard, axe_faults, page_of
from tests.support.people import ADA, HARBOUR

PAGES = {
    "guilds": "#/",
    "overview": page_of("overview"),
    "board": page_of("board?period=week&stat=messages"),
    "members": page_of("members?search=70"),
    "member": page_of(f"members/{ADA}"),
    "achievements": page_of("achievements"),
    "achievement": page_of("achievements/devoted"),
    "imports": page_of("imports"),
    "audit": page_of("audit"),
    "keys": page_of("keys"),
    "sessions": "#/sessions",
    "webhooks": page_of("webhooks"),
    "settings": page_of("settings/leveling"),
    "history": page_of("settings/leveling/history"),
}


async def go(page: Page, fragment: str) -> None:
    await page.evaluate("hash => { location.hash = hash }", fragment)
    await expect(page.get_by_role("main")).not_to_have_attribute("aria-busy", "true")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()


LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 360), ("dark", 1280))


async def test_every_page_fits_and_a_checker_finds_nothing(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    rewards = [{"level": 3, "role_id": "190320984123768901"}, {"level": 9, "role_id": "190320984123768902"}]
    changed = await bot.patch(
        f"/v1/guilds/{HARBOUR}/settings/leveling", json={"cooldown_seconds": 99, "role_rewards": rewards}
    )
    assert changed.status_code == 200, changed.text
    url = f"https://93.184.215.14/{'long' * 30}"
    await bot.post(f"/v1/guilds/{HARBOUR}/webhooks", json={"url": url, "types": ["guild.deleted"]})
    await bot.post(f"/v1/guilds/{HARBOUR}/keys", json={"name": "Statistics", "scopes": ["members:read"]})
    tab = await dashboard.open()
    page = tab.page
    for name, fragment in PAGES.items():
        await go(page, fragment)
        if name == "settings":
            await page.get_by_label("Highest level", exact=True).fill("5000")
            await page.get_by_role("button", name="Save", exact=True).click()
            await expect(page.get_by_role("alert")).to_be_visible()
        if name == "imports":
            await page.get_by_role("radio", name="AmariBot").check()
        for scheme, width in LOOKS:
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert await axe_faults(page) == [], (name, scheme)
            await tab.screenshot(f"dashboard-{name}-{scheme}-{width}")
        if name == "settings":
            await page.get_by_role("button", name="Undo all").click()
            await expect(page.get_by_text("No changes")).to_be_attached()
    dashboard.assert_clean(tab, refused=(422,))


async def test_the_keyboard_alone_is_enough(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open()
    page, press = tab.page, tab.page.keyboard.press
    await expect(page.get_by_role("heading", level=1)).to_be_focused()

    async def tab_to(name: str, role: str = "link") -> None:
        for _ in range(80):
            await press("Tab")
            focused = page.locator(":focus")
            if await focused.count() and name == await focused.evaluate(
                "element => (element.labels?.[0] ?? element).textContent.trim()"
            ):
                return
        raise AssertionError(f"{role} {name} is not reached")

    await press("Shift+Tab")
    await tab_to("HHarbourYou own it")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_focused()
    for name in ("Keys", "Audit log", "Webhooks", "Import/export", "Settings"):
        await press("Shift+Tab")
        await expect(page.get_by_role("link", name=name)).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Leveling")).to_be_focused()
    await tab_to("Cooldown", "field")
    await page.keyboard.type("75")
    await press("Enter")
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    await expect(page.get_by_label("Cooldown", exact=True)).to_be_focused()
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/settings/leveling")).json()["values"]["cooldown_seconds"] == 75
    await tab_to("Add item", "button")
    await press("Enter")
    await tab_to("Delete item", "button")
    await press("Enter")
    await expect(page.get_by_role("button", name="Add item").first).to_be_focused()
    # The first stop on every page leads past the frame.
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.evaluate("document.activeElement.blur()")
    await page.locator("#skip").focus()
    await press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()


async def test_on_a_phone_the_bar_leads_everywhere(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("members"), width=390)
    page = tab.page
    ways = page.get_by_role("navigation", name="This guild")
    await expect(ways.get_by_role("link")).to_have_text(["Overview", "Leaderboard", "Members", "Achievements"])
    more = ways.get_by_role("button", name="More")
    await more.click()
    await expect(ways.get_by_role("link", name="Settings")).to_be_visible()
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-more-390")
    await page.keyboard.press("Escape")
    await expect(ways.get_by_role("link", name="Settings")).to_be_hidden()
    await expect(more).to_be_focused()
    await more.click()
    await ways.get_by_role("link", name="Import/export").click()
    await expect(page.get_by_role("heading", level=1, name="Import and export")).to_be_focused()
    await expect(ways.get_by_role("link", name="Import/export")).to_be_hidden()
    sizes = await ways.get_by_role("link").evaluate_all("links => links.map((link) => link.offsetHeight)")
    assert min(sizes) >= 44
    cut = await ways.locator("span:visible").evaluate_all(
        "all => all.filter((each) => each.offsetWidth > each.parentElement.clientWidth).length"
    )
    assert cut == 0, "a word hides under its neighbour"
    await go(page, page_of("members"))
    heights = await page.locator("td.number:visible").evaluate_all(
        "all => all.map((each) => each.getClientRects()[0].height)"
    )
    assert max(heights) < 80, "numbers stay on a line"
