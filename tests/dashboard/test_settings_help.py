"""What helps with settings: the curve's levels, the announcement, the search, copying to another guild."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import CHANNELS, ROLES, Dashboard, axe_faults, field, page_of
from tests.support.discord import Discord, Member
from tests.support.people import ADA, HARBOUR, QUARRY


async def test_the_curve_shows_its_levels_while_one_chooses(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("settings/leveling"))
    page = tab.page
    levels = page.get_by_role("table", name="XP of some levels")
    await expect(levels.get_by_role("row").nth(3)).to_contain_text("104,675")
    await expect(page.get_by_role("figure")).to_contain_text("XP up to level 50: 268,375")
    await field(page, "curve").get_by_label("Preset", exact=True).last.select_option("Arcane")
    await expect(levels.get_by_role("row").nth(3)).to_contain_text("105,250")
    await page.get_by_label("Highest level", exact=True).fill("7")
    await page.keyboard.press("Tab")
    await expect(levels.get_by_role("row")).to_have_count(3)
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-settings-curve")
    dashboard.assert_clean(tab)


async def test_the_announcement_is_shown_as_discord_would(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("settings/leveling"))
    page = tab.page
    shown = page.get_by_role("group", name="What Discord shows")
    await expect(shown).to_contain_text("@Ada is now level 12!")
    await page.get_by_label("Text", exact=True).fill("{{hi}} {user} has {what} <b>")
    await page.keyboard.press("Tab")
    await expect(shown).to_contain_text("{hi} Ada has {what} <b>")
    await expect(shown.locator("mark")).to_have_text("{what}")
    await page.get_by_label("Where", exact=True).select_option("Nowhere")
    await expect(shown).to_be_hidden()
    dashboard.assert_clean(tab)


async def test_settings_are_found_by_a_word(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("settings/leveling"))
    page = tab.page
    cooldown = page.get_by_label("Cooldown", exact=True)
    await cooldown.fill("61")
    await page.get_by_label("Find a setting").fill("REACTION")
    await expect(page.get_by_label("XP per reaction", exact=True)).to_be_visible()
    await expect(page.get_by_label("Daily cap", exact=True)).to_be_hidden()
    await expect(cooldown, "changed, so it stays").to_be_visible()
    await page.get_by_label("Find a setting").fill("")
    await page.get_by_role("list", name="Sections").get_by_role("button", name="Announce").click()
    await expect(page.get_by_role("heading", name="Announce", exact=True)).to_be_in_viewport()


async def test_settings_are_copied_to_another_guild_by_the_names_of_roles(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    regulars, other = ROLES
    discord.members[QUARRY][ADA] = Member(owner=True)
    await bot.put(f"/v1/guilds/{QUARRY}/roles", json={"items": [{"id": "900000000000000001", "name": "regulars"}]})
    await bot.put(f"/v1/guilds/{QUARRY}/channels", json={"items": []})
    changed = {
        "cooldown_seconds": 5,
        "role_rewards": [{"level": 3, "role_id": regulars}, {"level": 9, "role_id": other}],
        "ignored_channel_ids": [next(iter(CHANNELS))],
    }
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=changed)
    tab = await dashboard.open(page_of("settings/leveling"))
    page = tab.page
    await page.get_by_role("button", name="Copy to another guild").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("3 settings are copied.")
    await expect(dialog).to_contain_text("Role rewards: <img src=x onerror=alert(1)>")
    await expect(dialog).to_contain_text("Ignored channels: general")
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-settings-copy")
    await dialog.get_by_role("button", name="Copy settings").click()
    await expect(page.get_by_text("Copied to Quarry.")).to_be_visible()
    values = (await bot.get(f"/v1/guilds/{QUARRY}/settings/leveling")).json()["values"]
    assert values["cooldown_seconds"] == 5
    assert values["role_rewards"] == [{"level": 3, "role_id": "900000000000000001"}]
    assert values["ignored_channel_ids"] == []
    dashboard.assert_clean(tab)
