"""The audit log in the dashboard: sentences, filters, pages."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import ROLES, Dashboard, axe_faults, page_of
from tests.support.browsers import Browsers
from tests.support.people import ADA, BO, HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}"


async def test_changes_read_as_sentences(dashboard: Dashboard, bot: httpx2.AsyncClient, browsers: Browsers) -> None:
    await bot.patch(f"{GUILD}/members/{BO}", json={"display_name": "Bo"})
    await bot.post(f"{GUILD}/members/{BO}/xp", json={"amount": -5}, headers={"X-Audit-Log-Reason": "spam"})
    ada = await browsers.log_in(ADA)
    await ada.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 5})
    rewards = [{"level": 3, "role_id": next(iter(ROLES))}]
    await ada.patch(f"{GUILD}/settings/leveling", json={"role_rewards": rewards, "multiplier": 2})
    await ada.put(f"{GUILD}/members/{BO}/achievements/devoted", json={})
    await ada.aclose()
    tab = await dashboard.open(page_of("audit"))
    page = tab.page
    entries = page.get_by_role("list", name="Changes, newest first").get_by_role("listitem")
    await expect(entries.nth(0)).to_contain_text("Ada awarded devoted to")
    await expect(entries.nth(0).get_by_role("link", name="Bo")).to_be_visible()
    await expect(entries.nth(1)).to_contain_text("Ada changed 2 settings of Leveling")
    await entries.nth(1).get_by_text("Details").click()
    await expect(entries.nth(1)).to_contain_text("none → (level: 3; role: @Regulars)")
    await expect(entries.nth(2)).to_contain_text("Ada set Cooldown of Leveling from 60 s to 5 s")
    await expect(entries.nth(3)).to_contain_text("The bot with key")
    await expect(entries.nth(3)).to_contain_text("spam")
    await tab.screenshot("dashboard-audit")
    assert await axe_faults(page) == []
    await page.get_by_label("What").select_option(label="XP changed by hand")
    await expect(entries).to_have_count(1)
    await expect(entries).to_contain_text("changed the XP of")
    await page.get_by_label("What").select_option(label="Everything")
    await expect(entries.nth(4)).to_be_visible()  # what is drawn anew after that would take the focus away
    await page.get_by_label("Who").focus()
    await page.get_by_label("Who").select_option(label="Ada")
    await expect(entries).to_have_count(3)
    await expect(page.get_by_label("Who")).to_be_focused()
    await page.get_by_label("Last day").fill("2020-01-01")
    await expect(page.get_by_text("Nothing was found.")).to_be_visible()
    await page.get_by_role("link", name="Show everything").click()
    await expect(entries.nth(4)).to_be_visible()
    dashboard.assert_clean(tab)


async def test_long_logs_go_on(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    for n in range(26):
        await bot.patch(GUILD, json={"name": f"Harbour {n}"})
    tab = await dashboard.open(page_of("audit?action=guild.updated"), width=390, color_scheme="dark")
    page = tab.page
    entries = page.get_by_role("list", name="Changes, newest first").get_by_role("listitem")
    await expect(entries).to_have_count(25)
    await tab.screenshot("dashboard-audit-phone")
    assert await axe_faults(page) == []
    await page.get_by_role("link", name="Older").click()
    await expect(entries).to_have_count(1)
    await entries.get_by_text("Details").click()
    await expect(entries).to_contain_text("Harbour → Harbour 0")
    await page.get_by_role("link", name="Newest").click()
    await expect(entries).to_have_count(25)
    dashboard.assert_clean(tab)
