"""Members: finding somebody by name, their page, and what is done by hand."""

import httpx2
import pytest
from playwright.async_api import expect

from tests.activity.test_record import message, record
from tests.dashboard.support import OTHERS, ROLES, Dashboard, axe_faults, page_of
from tests.support.discord import Discord
from tests.support.people import ADA, BO, HARBOUR, MALLORY

GUILD = f"/v1/guilds/{HARBOUR}"
AVATAR = "0123456789abcdef0123456789abcdef"


async def name(bot: httpx2.AsyncClient) -> None:
    """Names for some: Ada with a picture, Bo with a hostile one."""
    items = [
        {"user_id": str(ADA), "username": "ada", "display_name": "Ada Lovelace", "avatar": AVATAR},
        {"user_id": str(BO), "username": "bo", "display_name": "Bo <img src=x onerror=alert(1)>"},
        *({"user_id": str(user), "display_name": f"Sailor {n:02}"} for n, user in enumerate(OTHERS)),
    ]
    answer = await bot.put(f"{GUILD}/members/names", json={"items": items})
    assert answer.json()["updated"] == len(items)


async def test_somebody_is_found_by_name(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    await name(bot)
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await page.get_by_role("link", name="Members").click()
    await expect(page.get_by_role("heading", level=1, name="Members")).to_be_focused()
    rows = page.get_by_role("table", name="Members").get_by_role("row")
    await expect(rows).to_have_count(43)
    await expect(rows.nth(1)).to_contain_text("Ada Lovelaceyou @ada")
    await expect(rows.nth(2)).to_contain_text("Bo <img")
    await tab.screenshot("dashboard-members-named")
    assert await axe_faults(page) == []
    field = page.get_by_label("Search by name or id")
    await field.press_sequentially("sailor 1")
    await expect(page.get_by_text("10 members found.")).to_be_visible()
    await expect(rows).to_have_count(11)
    await expect(field).to_be_focused()
    assert page.url.endswith("members?search=sailor+1")
    await page.reload()
    await expect(rows).to_have_count(11)
    await expect(field).to_have_value("sailor 1")
    await rows.nth(1).get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1, name="Sailor 10")).to_be_focused()
    await page.go_back()
    await expect(rows).to_have_count(11)

    await field.fill("zzz")
    await expect(page.get_by_text("Nobody's name begins with “zzz”.")).to_be_visible()
    await page.get_by_role("button", name="Clear the search").click()
    await expect(rows).to_have_count(43)
    await expect(field).to_be_focused()
    dashboard.assert_clean(tab)


async def test_sorted_by_a_stat(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    await name(bot)
    tab = await dashboard.open(page_of("members"))
    page = tab.page
    rows = page.get_by_role("table", name="Members").get_by_role("row")
    await page.get_by_label("Sort by").select_option(label="Messages")
    await expect(rows.nth(1)).to_contain_text("Ada Lovelace")
    await expect(rows.nth(2)).to_contain_text("Sailor 11")
    assert page.url.endswith("members?sort=messages")
    await page.reload()
    await expect(rows.nth(2)).to_contain_text("Sailor 11")
    await tab.screenshot("dashboard-members-sorted")
    assert await axe_faults(page) == []
    await page.get_by_label("Sort by").select_option(label="Duels won")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1).get_by_role("cell", name="3", exact=True)).to_be_visible()
    await page.get_by_label("Search by name or id").fill("bo")
    await expect(rows.nth(1)).to_contain_text("Bo")
    await expect(page.get_by_label("Sort by")).to_be_disabled()
    dashboard.assert_clean(tab)


@pytest.mark.parametrize("stat", ["constructor", "name"])
async def test_a_stat_may_have_any_name(dashboard: Dashboard, bot: httpx2.AsyncClient, stat: str) -> None:
    await record(bot, {**message(stat, BO), "type": "stat", "stat": stat, "amount": 7})
    tab = await dashboard.open(page_of("members"))
    page = tab.page
    await expect(page.get_by_role("row")).to_have_count(43)
    sorts = page.get_by_label("Sort by")
    await sorts.select_option(index=0)
    await expect(page.get_by_role("row")).to_have_count(43)
    await sorts.select_option(stat)
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_role("row").nth(1).get_by_role("cell", name="7", exact=True)).to_be_visible()
    dashboard.assert_clean(tab)


async def test_what_an_event_would_earn(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    regulars = next(iter(ROLES))
    settings = {
        "cooldown_seconds": 0,
        "xp_per_message": {"min": 10, "max": 10},
        "role_multipliers": [{"role_id": regulars, "factor": 3}],
    }
    assert (await bot.patch(f"{GUILD}/settings/leveling", json=settings)).is_success
    tab = await dashboard.open(page_of(f"members/{BO}"), width=390)
    page = tab.page
    await page.get_by_role("button", name="What would an event earn now?").click()
    await expect(page.get_by_label("What", exact=True)).to_be_focused()
    await page.get_by_label("@Regulars").check()
    await page.get_by_label("Where").select_option(label="#general")
    await page.get_by_role("button", name="Work it out").click()
    await expect(page.get_by_text("10 times 3, rounded half up, is 30 XP.")).to_be_visible()
    await expect(page.get_by_text("Multiplier of @Regulars: 3")).to_be_visible()
    await tab.screenshot("dashboard-explain-phone")
    assert await axe_faults(page) == []
    await page.get_by_label("What", exact=True).select_option(label="a reaction")
    await page.get_by_role("button", name="Work it out").click()
    await expect(page.get_by_text("Events of this kind earn no XP in this guild.")).to_be_visible()
    dashboard.assert_clean(tab)


async def test_only_they_themselves_hide(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of(f"members/{BO}"))
    page = tab.page
    await expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    await expect(page.get_by_label("Hide me")).to_have_count(0)
    await page.evaluate("hash => { location.hash = hash }", page_of(f"members/{ADA}"))
    await page.get_by_label("Hide me from leaderboards, lists and public pages").check()
    await expect(page.get_by_text("Not on the leaderboard")).to_be_visible()
    await expect(page.get_by_label("Hide me")).to_be_focused()
    privacy = (await bot.get(f"/v1/users/{ADA}/privacy")).json()
    assert privacy == {"visibility": "hidden", "opt_out": False}
    assert await axe_faults(page) == []
    await page.get_by_label("Hide me").uncheck()
    await expect(page.get_by_text("Not on the leaderboard")).to_have_count(0)
    dashboard.assert_clean(tab)


async def test_a_list_that_fails_tries_again_and_long_ones_go_on(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    items = [{"user_id": str(8_000_000_000_000_000 + n), "amount": 1} for n in range(20)]
    for item in items:
        await bot.post(f"{GUILD}/members/{item['user_id']}/xp", json={"amount": 1})
    tab = await dashboard.open(page_of("members"))
    page = tab.page
    rows = page.get_by_role("table", name="Members").get_by_role("row")
    await expect(rows).to_have_count(51)
    await page.route("**/members?*cursor*", lambda route: route.abort())
    await page.get_by_role("button", name="Show more").click()
    await expect(page.get_by_role("alert")).to_contain_text("The next members could not be loaded.")
    await page.unroute("**/members?*cursor*")
    await page.get_by_role("button", name="Try again").click()
    await expect(rows).to_have_count(63)
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await page.route("**/members?*", lambda route: route.abort())
    await page.get_by_label("Search by name or id").fill("7")
    await expect(page.get_by_role("alert")).to_contain_text("The members could not be loaded.")
    await page.unroute("**/members?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("No members found.")).to_be_visible()


async def test_xp_and_awards_by_hand(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    await name(bot)
    hidden = {"key": "secret", "name": "Secret", "hidden": True, "condition": {"stat": "messages", "gte": 9999}}
    assert (await bot.post(f"{GUILD}/achievements", json=hidden)).status_code == 201
    tab = await dashboard.open(page_of(f"members/{BO}"))
    page = tab.page
    before = (await bot.get(f"{GUILD}/members/{BO}")).json()["xp"]
    await page.get_by_role("button", name="Change XP").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Change the XP of Bo <img")
    await dialog.get_by_label("XP", exact=True).fill("5000")
    await dialog.get_by_label("Reason").fill("Won the duel, für immer")
    await tab.screenshot("dashboard-change-xp")
    assert await axe_faults(page) == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"now has {before + 5000:,} XP. Level 0 → 10.")).to_be_visible()
    await expect(page.get_by_role("button", name="Change XP")).to_be_focused()
    await expect(page.get_by_role("region", name="Standing")).to_contain_text("Rank 1 of 42")
    [entry] = (await bot.get(f"{GUILD}/audit-log?action=member.xp_adjusted")).json()["items"]
    assert (entry["reason"], entry["actor"]["id"]) == ("Won the duel, für immer", str(ADA))

    await page.get_by_role("button", name="Award Secret").click()
    await dialog.get_by_role("button", name="Award").click()
    await expect(page.get_by_text("has “Secret” now.")).to_be_visible()
    await page.get_by_role("button", name="Take away First words").click()
    await dialog.get_by_label("Let them keep the XP that it gave").check()
    await dialog.get_by_role("button", name="Take away").click()
    await expect(page.get_by_text("no longer has “First words”.")).to_be_visible()
    await expect(page.get_by_role("button", name="Award First words")).to_be_focused()
    await tab.screenshot("dashboard-member-by-hand")
    assert await axe_faults(page) == []

    await page.get_by_role("button", name="Change XP").click()
    await page.route("**/xp", lambda route: route.abort())
    await dialog.get_by_label("What").select_option("Take away")
    await dialog.get_by_label("XP", exact=True).fill("1")
    await dialog.get_by_role("button", name="Change XP").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Check your connection.")
    await page.unroute("**/xp")
    await dialog.get_by_role("button", name="Change XP").click()
    await expect(page.get_by_text(f"now has {before + 4999:,} XP.")).to_be_visible()
    await page.get_by_role("button", name="Change XP").click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="Change XP")).to_be_focused()


async def test_somebody_is_marked_as_left(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of(f"members/{BO}"))
    page = tab.page
    await page.get_by_role("button", name="Mark as left").click()
    await expect(page.get_by_role("dialog")).to_contain_text("They leave the leaderboard until they come back.")
    await page.get_by_role("dialog").get_by_role("button", name="Mark as left").click()
    await expect(page.get_by_role("region", name="Standing")).to_contain_text("Not on the leaderboard")
    other = OTHERS[0]
    await bot.patch(f"{GUILD}/settings/leveling", json={"on_leave": "reset"})
    await page.goto(f"{dashboard.base_url}/dashboard/{page_of(f'members/{other}')}")
    await expect(page.get_by_role("heading", level=1, name=str(other))).to_be_visible()
    await page.get_by_role("button", name="Mark as left").click()
    await expect(page.get_by_role("dialog")).to_contain_text("You cannot undo this.")
    await page.get_by_role("dialog").get_by_role("button", name="Mark as left").click()
    await expect(page.get_by_role("heading", level=1, name="Members")).to_be_visible()
    assert (await bot.get(f"{GUILD}/members/{other}")).status_code == 404
    dashboard.assert_clean(tab)


async def test_who_may_only_read_sees_no_buttons(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    regulars = next(iter(ROLES))
    await bot.patch(f"{GUILD}/settings/privacy", json={"reader_role_ids": [regulars]})
    discord.members[HARBOUR][BO].roles = [int(regulars)]
    tab = await dashboard.open(page_of(f"members/{ADA}"), person=BO)
    page = tab.page
    await expect(page.get_by_role("region", name="Standing")).to_be_visible()
    for button in ("Change XP", "Mark as left", "Award Devoted <b>", "Take away First words"):
        await expect(page.get_by_role("button", name=button)).to_have_count(0)
    await expect(page.get_by_role("button", name="Copy id")).to_be_visible()
    dashboard.assert_clean(tab)


async def test_mallory_finds_nobody_of_harbour(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("members?search=a"), person=MALLORY)
    await expect(tab.page.get_by_role("alert")).to_contain_text("you may not see it")
    await tab.page.goto(f"{dashboard.base_url}/dashboard/{page_of(f'members/{ADA}')}")
    await expect(tab.page.get_by_role("alert")).to_contain_text("you may not see it")
