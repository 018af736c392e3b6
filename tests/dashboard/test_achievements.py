"""Achievements: the starter pack, the editor of a sentence, how many would get it, deleting and restoring."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import ROLES, Dashboard, axe_faults, page_of
from tests.support.discord import Discord
from tests.support.people import ADA, BO, HARBOUR, MALLORY, QUARRY

OWN = f"/v1/guilds/{HARBOUR}/achievements"


async def test_a_sentence_becomes_an_achievement(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("achievements"))
    page = tab.page
    await expect(page.get_by_text("40 messages and (a streak of 30 days or 20 messages within 7 days)")).to_be_visible()
    await page.get_by_role("link", name="New achievement").click()
    await expect(page.get_by_role("heading", level=1, name="New achievement")).to_be_focused()
    found = page.locator("#simulation")
    await expect(found).to_have_text("No member meets this now.")
    await page.get_by_label("At least").fill("10")
    await expect(found).to_contain_text("of 42 members meet this now (")
    await page.get_by_role("button", name="+ and: add a condition").click()
    await expect(page.get_by_role("combobox", name="Stat").nth(1)).to_be_focused()
    await page.get_by_role("combobox", name="Stat").nth(1).select_option("level")
    await page.get_by_label("At least").nth(1).fill("2")
    await page.get_by_role("button", name="+ any of: add a group").click()
    await page.get_by_role("combobox", name="Stat").nth(2).select_option("voice_seconds")
    await page.get_by_label("At least").nth(2).fill("90")
    await page.get_by_role("combobox", name="Time").nth(1).select_option("7d")
    await page.get_by_label("Name", exact=True).fill("Süper Sailor!")
    await page.get_by_label("Description").fill("Be there.")
    await page.get_by_role("button", name="Use 🦉").click()
    await page.get_by_label("XP", exact=True).fill("150")
    await page.get_by_label("Role", exact=True).select_option(label="@Regulars")
    await page.get_by_text("Key and prerequisites").click()
    await expect(page.get_by_label("Key")).to_have_value("super-sailor")
    await tab.screenshot("dashboard-achievement-editor")
    assert await axe_faults(page) == []
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_text("“Süper Sailor!” is there.")).to_be_visible()
    await expect(page.get_by_role("heading", level=1, name="Achievements")).to_be_visible()
    made = (await bot.get(f"{OWN}/super-sailor")).json()
    assert made["condition"] == {
        "all": [
            {"stat": "messages", "gte": 10},
            {"stat": "level", "gte": 2},
            {"any": [{"stat": "voice_seconds", "gte": 5400, "within": "7d"}, {"stat": "messages", "gte": 100}]},
        ]
    }
    assert (made["icon"], made["retroactive"], made["rewards"]) == (
        "🦉",
        True,
        {"xp": 150, "role_id": next(iter(ROLES))},
    )
    dashboard.assert_clean(tab)


async def test_faults_go_to_their_fields_and_nothing_is_lost(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("achievements/devoted"))
    page = tab.page
    await expect(page.get_by_role("heading", level=1, name="Edit “Devoted <b>”")).to_be_focused()
    streak = page.get_by_label("At least").nth(1)
    await expect(streak).to_have_value("30")
    await streak.fill("0")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Not saved.")
    await expect(streak).to_be_focused()
    await expect(streak).to_have_attribute("aria-invalid", "true")
    await tab.screenshot("dashboard-achievement-fault")
    assert await axe_faults(page) == []
    await streak.fill("20")
    await bot.patch(f"{OWN}/devoted", json={"description": "Theirs"})
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Someone saved before you.")
    await expect(streak).to_have_value("20")
    await page.get_by_role("button", name="Load theirs and discard mine").click()
    await expect(page.get_by_label("Description")).to_have_value("Theirs")
    page.on("dialog", lambda dialog: dialog.dismiss())
    await page.get_by_label("Name", exact=True).fill("Mine")
    await page.get_by_role("link", name="Leaderboard").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    saved = (await bot.get(f"{OWN}/devoted")).json()
    assert (saved["name"], saved["description"], saved["condition"]["all"][1]["any"][0]["gte"]) == (
        "Mine",
        "Theirs",
        30,
    )


async def test_deleted_ones_come_back(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("achievements"))
    page = tab.page
    await page.get_by_role("link", name="Edit First words").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("“First words” is deleted.")).to_be_visible()
    await page.get_by_role("link", name="Deleted achievements").click()
    await page.get_by_role("button", name="Restore First words").click()
    await expect(page.get_by_text("Nothing is deleted.")).to_be_visible()
    assert (await bot.get(f"{OWN}/first-words")).status_code == 200


async def test_the_starter_pack_comes_at_a_click(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(f"#/guilds/{QUARRY}/achievements", person=MALLORY)
    page = tab.page
    await page.get_by_role("button", name="Add the starter pack (14)").click()
    await expect(page.get_by_text("14 achievements added.")).to_be_visible()
    await expect(page.get_by_role("button", name="Add the starter pack")).to_have_count(0)
    await expect(page.get_by_role("listitem").filter(has_text="First words")).to_be_visible()
    assert len((await bot.get(f"/v1/guilds/{QUARRY}/achievements?limit=100")).json()["items"]) == 14
    assert len((await bot.get(OWN)).json()["items"]) == 2
    dashboard.assert_clean(tab)


async def test_those_of_the_installation_are_shown_as_such(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    draft = {"key": "all-hands", "name": "All hands", "condition": {"stat": "streak", "gte": 7}}
    assert (await bot.post("/v1/achievements", json=draft)).status_code == 201
    tab = await dashboard.open(page_of("achievements"))
    page = tab.page
    await expect(page.get_by_role("heading", name="On every server here")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="All hands")).to_contain_text("A streak of 7 days")
    await expect(page.get_by_role("link", name="Edit All hands")).to_have_count(0)

    regulars = next(iter(ROLES))
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/privacy", json={"reader_role_ids": [regulars]})
    discord.members[HARBOUR][BO].roles = [int(regulars)]
    reader = await dashboard.open(page_of("achievements"), person=BO)
    await expect(reader.page.get_by_role("listitem").filter(has_text="First words")).to_be_visible()
    for name in ("New achievement", "Edit First words", "Deleted achievements"):
        await expect(reader.page.get_by_role("link", name=name)).to_have_count(0)
    await reader.page.evaluate("hash => { location.hash = hash }", page_of("new-achievement"))
    await expect(reader.page.get_by_role("heading", level=1)).to_have_text("You cannot change achievements")
    dashboard.assert_clean(reader)


async def test_the_keyboard_alone_publishes_one(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """From the log-in on."""
    tab = await dashboard.open("", person=None)
    page, press = tab.page, tab.page.keyboard.press

    async def tab_to(selector: str, key: str = "Tab") -> None:
        for _ in range(60):
            await press(key)
            if await page.locator(f"{selector}:focus").count():
                return
        raise AssertionError(f"{selector} is not reached")

    async def follow(selector: str, heading: str) -> None:
        await tab_to(selector)
        await press("Enter")
        await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()

    await expect(page.get_by_role("heading", level=1, name="Guildhall dashboard")).to_be_focused()
    await follow("#log-in", "Stand-in for Discord")
    await follow("a:text('ada')", "Your guilds")
    await follow(f"#guild-{HARBOUR}", "Overview")
    await tab_to("#tab-achievements", "Shift+Tab")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Achievements")).to_be_focused()
    await follow("#new-achievement", "New achievement")
    await tab_to("[aria-label='At least']")
    await press("Control+A")
    await page.keyboard.type("5")
    await tab_to("#achievement-name")
    await page.keyboard.type("Five")
    await press("Enter")
    await expect(page.get_by_text("“Five” is there.")).to_be_visible()
    assert (await bot.get(f"{OWN}/five")).json()["condition"] == {"stat": "messages", "gte": 5}
    await expect(page.get_by_role("listitem").filter(has_text="Five")).to_contain_text("5 messages")
    assert str(ADA) not in await page.locator("main").inner_text()
