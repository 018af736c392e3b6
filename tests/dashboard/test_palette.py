"""The command palette: a few letters lead anywhere, by the keyboard alone."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import Dashboard, axe_faults, page_of
from tests.support.people import ADA, HARBOUR


async def test_a_few_letters_lead_to_a_page_a_setting_a_member_and_a_guild(
    dashboard: Dashboard, bot: httpx2.AsyncClient
) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}/members/{ADA}", json={"display_name": "Ada Lovelace"})
    tab = await dashboard.open(page_of("board"))
    page, press = tab.page, tab.page.keyboard.press
    field = page.get_by_role("combobox", name="Find a page")
    option = page.get_by_role("listbox", name="Found").get_by_role("option")
    await expect(page.get_by_role("heading", level=1, name="Leaderboard")).to_be_visible()

    await press("Control+k")
    await expect(field).to_be_focused()
    await expect(option.first).to_contain_text("Overview")
    await press("ArrowUp")
    await expect(option.last).to_have_attribute("aria-selected", "true")
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-palette")
    await field.fill("impo")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Import and export")).to_be_focused()

    await press("Control+k")
    await field.fill("cooldown")
    await expect(option).to_have_count(1)
    await press("Enter")
    await expect(page.get_by_label("Cooldown", exact=True)).to_be_visible()
    await expect(page.get_by_label("Daily cap", exact=True)).to_be_hidden()

    await press("Control+k")
    await field.fill("ada love")
    await expect(option).to_contain_text("Ada Lovelace")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1, name="You")).to_be_focused()

    await page.get_by_role("button", name="Find").click()
    await field.fill("zzz")
    await expect(page.get_by_text("Nothing found.")).to_be_visible()
    await press("Escape")
    await expect(page.get_by_role("button", name="Find")).to_be_focused()
    await press("Control+k")
    await field.fill("harb guild")
    await option.filter(has_text="Harbour").first.click()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_focused()
    dashboard.assert_clean(tab)
