"""The overview: who is active and when, what is left to do, and what happens meanwhile."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import Dashboard, axe_faults, page_of
from tests.support.people import BO, HARBOUR, MALLORY, QUARRY

GUILD = f"/v1/guilds/{HARBOUR}"


async def test_a_guild_at_a_glance(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    await bot.patch(f"{GUILD}/members/{BO}", json={"display_name": "Bo <b>"})
    tab = await dashboard.open()
    page = tab.page
    await page.get_by_role("link", name="Harbour").click()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_focused()
    await expect(page.get_by_text("Members42")).to_be_visible()
    await expect(page.get_by_text("Messages: 329 in all")).to_be_visible()
    heat = page.get_by_role("region", name="Messages by weekday and hour")
    await expect(heat.get_by_role("row")).to_have_count(8)
    await expect(page.get_by_text("Most are written on")).to_be_visible()
    await expect(page.get_by_role("region", name="2 steps left").get_by_role("link")).to_have_text(
        ["Choose the level curve or level roles", "Publish the leaderboard"]
    )
    # What happened before she came, as long as the stream keeps it.
    latest = page.get_by_role("list", name="Latest level-ups and achievements")
    await expect(latest.get_by_role("listitem").first).to_contain_text("reached level")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    # A level-up shows by itself, and a step that is done goes.
    await bot.post(f"{GUILD}/members/{BO}/xp", json={"amount": 5000})
    await expect(latest.get_by_role("listitem").first).to_contain_text("Bo <b> reached level 10")
    await bot.patch(f"{GUILD}/settings/public", json={"leaderboard": "everyone"})
    await expect(page.get_by_role("heading", name="One step left")).to_be_visible()
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-overview")
    await bot.patch(f"{GUILD}/settings/leveling", json={"curve": {"kind": "preset", "preset": "polaris"}})
    await expect(page.get_by_role("heading", name="One step left")).to_have_count(0)
    dashboard.assert_clean(tab)


async def test_a_new_guild_hears_what_to_do(dashboard: Dashboard) -> None:
    asked: list[None] = []

    def first_is_over() -> bool:
        asked.append(None)
        return len(asked) > 1

    tab = await dashboard.open(f"#/guilds/{QUARRY}/overview", person=MALLORY)
    page = tab.page
    await expect(page.get_by_role("heading", name="5 steps left")).to_be_visible()
    await expect(page.get_by_text("No messages in the last 28 days.")).to_be_visible()
    await expect(page.get_by_text("Nothing in the last days.")).to_be_visible()
    await tab.screenshot("dashboard-overview-new")
    assert await axe_faults(page) == []
    # Where hours are kept for less time, it shows less.
    await page.route(
        "**/activity?bucket=hour*",
        lambda route: route.continue_() if first_is_over() else route.fulfill(status=422, json={"title": "Invalid"}),
    )
    await page.reload()
    await expect(page.get_by_text("No messages in the last 7 days.")).to_be_visible()
    await page.get_by_role("link", name="Add achievements").click()
    await expect(page.get_by_role("button", name="Add the starter pack")).to_be_visible()
    await tab.page.goto(f"{dashboard.base_url}/dashboard/{page_of('overview')}")
    await expect(page.get_by_role("alert")).to_contain_text("you may not see it")


async def test_a_part_of_it_that_fails_leaves_the_rest(dashboard: Dashboard) -> None:
    tab = await dashboard.open()
    page = tab.page
    away = {"title": "Away", "detail": "Later."}
    await page.route("**/leaderboard?*", lambda route: route.fulfill(status=503, json=away))
    await page.get_by_role("link", name="Harbour").click()
    await expect(page.get_by_text("The numbers could not be loaded.")).to_be_visible()
    await expect(page.get_by_text("The checklist could not be loaded.")).to_be_visible()
    await expect(page.get_by_text("Messages: 329 in all")).to_be_visible()
    await page.unroute("**/leaderboard?*")
    await page.get_by_role("button", name="Try again").first.click()
    await expect(page.get_by_text("Members42")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
