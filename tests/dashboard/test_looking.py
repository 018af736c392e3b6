"""Looking around: logging in, boards, members, achievements, and what changes meanwhile."""

import httpx2
import msgspec
from playwright.async_api import expect

from api.app import create_litestar, with_middleware
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from tests.dashboard.support import OTHERS, ROLES, Dashboard, page_of
from tests.support.clock import CLOCK
from tests.support.discord import Discord
from tests.support.people import ADA, BO, HARBOUR, MALLORY
from tests.support.serving import serve


async def test_ada_logs_in_where_she_was_and_looks_around(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("board?stat=messages"), person=None)
    page = tab.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("Guildhall dashboard")
    await tab.screenshot("dashboard-login")
    await page.get_by_role("link", name="Log in with Discord").click()
    await page.get_by_role("link", name="Log in as ada").click()
    await expect(page.get_by_role("heading", name="Messages, all time")).to_be_visible()
    await expect(page.get_by_role("banner")).to_contain_text("Ada")

    board = page.get_by_role("table", name="Messages, all time")
    await expect(board.get_by_role("row")).to_have_count(26)
    await expect(board.get_by_role("row").nth(1)).to_contain_text(f"{ADA}you")
    await tab.screenshot("dashboard-board")
    await page.get_by_role("link", name="Next page").click()
    await expect(board.get_by_role("row").nth(1)).to_contain_text("26")
    await page.go_back()
    await expect(board.get_by_role("row").nth(1)).to_contain_text("you")

    await page.get_by_role("navigation", name="Period").get_by_role("link", name="Week").click()
    await page.get_by_role("link", name="Earlier week").click()
    await expect(page.get_by_role("link", name="Later week")).to_be_visible()
    await page.get_by_label("Stat").select_option("xp")
    await expect(page.get_by_role("heading", level=2, name="XP, ")).to_be_visible()
    await page.get_by_role("navigation", name="Period").get_by_role("link", name="All time").click()
    await expect(page.get_by_role("heading", name="XP, all time")).to_be_visible()

    # A change by the bot shows by itself.
    third = OTHERS[2]
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{third}/xp", json={"set": 1_000_000})
    await expect(page.get_by_role("table", name="XP, all time").get_by_role("row").nth(1)).to_contain_text(str(third))

    await page.get_by_role("link", name="Members").click()
    await page.get_by_label("Search by name or id").fill(str(ADA))
    await expect(page.get_by_text("1 member found.")).to_be_visible()
    await page.get_by_role("link", name=str(ADA)).click()
    await expect(page.get_by_role("heading", level=1, name="You")).to_be_focused()
    await expect(page.get_by_role("region", name="Standing")).to_contain_text("Rank 2 of 42")
    await expect(page.get_by_text("Duels won")).to_be_visible()
    await expect(page.get_by_role("figure")).to_contain_text("Messages: 16 in all")
    await page.get_by_text("As a table").click()
    await expect(page.get_by_role("region", name="Messages by day").get_by_role("row")).to_have_count(31)
    await expect(page.get_by_role("progressbar", name="Progress to Devoted <b>")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="First words")).to_contain_text("Say hello.")
    await expect(page.get_by_role("listitem").filter(has_text="First words")).to_contain_text("💬")
    await tab.screenshot("dashboard-member")

    await page.get_by_role("link", name="Achievements").click()
    await expect(page.get_by_role("listitem").filter(has_text="First words")).to_contain_text(
        "42 members (100%): common"
    )
    await tab.screenshot("dashboard-achievements")
    await page.goto(f"{dashboard.base_url}/dashboard/{page_of('members/77')}")
    await expect(page.get_by_role("alert")).to_contain_text("It does not exist")
    dashboard.assert_clean(tab, refused=(401, 404))

    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("link", name="Log in with Discord")).to_be_visible()
    await expect(page.get_by_text("You are logged out.")).to_be_visible()


async def test_a_stranger_sees_nothing_of_harbour(dashboard: Dashboard) -> None:
    tab = await dashboard.open(person=MALLORY)
    await expect(tab.page.get_by_role("link", name="Quarry")).to_be_visible()
    await expect(tab.page.get_by_text("Harbour")).to_have_count(0)
    await tab.page.goto(f"{dashboard.base_url}/dashboard/{page_of('board')}")
    await expect(tab.page.get_by_role("alert")).to_contain_text("you may not see it")
    dashboard.assert_clean(tab, refused=(404,))


async def test_bo_whom_a_role_lets_in_reads_and_may_not_write(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    regulars = next(iter(ROLES))
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/privacy", json={"reader_role_ids": [regulars]})
    discord.members[HARBOUR][BO].roles = [int(regulars)]
    tab = await dashboard.open(person=BO)
    page = tab.page
    await expect(page.get_by_role("link", name="Harbour")).to_contain_text("Access through a role")
    await page.get_by_role("link", name="Harbour").click()
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Cooldown", exact=True).fill("90")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("you do not have the scope `settings:write`")
    dashboard.assert_clean(tab, refused=(403,))


async def test_where_nobody_can_log_in_the_page_says_what_to_do(dashboard: Dashboard, settings: Settings) -> None:
    without = msgspec.structs.replace(settings, discord_client_id=None, discord_client_secret=None)
    app = with_middleware(create_litestar(without, clock=Clock(), metrics=Metrics()), without)
    async with serve(app, lifespan="off") as base_url:
        tab = await dashboard.open(person=None, base_url=base_url)
        await tab.page.get_by_role("link", name="Log in with Discord").click()
        await expect(tab.page.get_by_role("alert")).to_contain_text("GUILDHALL_DISCORD_CLIENT_ID")
        await tab.screenshot("dashboard-not-configured")


async def test_a_chart_has_as_many_columns_as_it_says(dashboard: Dashboard) -> None:
    """And none that is yet to come."""
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    # The server's clock stands still in another week than the browser's.
    await page.clock.set_fixed_time(CLOCK.now())
    for span, columns in (("48 hours", 48), ("30 days", 30), ("26 weeks", 26)):
        await page.get_by_role("link", name=span).click()
        await expect(page.get_by_role("link", name=span)).to_have_attribute("aria-current", "true")
        await expect(page.get_by_role("figure").locator("rect.value")).to_have_count(columns)
    dashboard.assert_clean(tab)


async def test_the_guilds_own_stats_are_offered(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    await tab.page.get_by_role("combobox", name="Stat").select_option(label="Duels won")
    await expect(tab.page.get_by_role("heading", name="Duels won, all time")).to_be_visible()
    await expect(tab.page.get_by_role("table").get_by_role("row")).to_have_count(2)
    await tab.page.evaluate("hash => { location.hash = hash }", page_of("new-achievement"))
    await expect(tab.page.get_by_role("heading", level=1, name="New achievement")).to_be_focused()
    await tab.page.get_by_role("combobox", name="Stat").select_option(label="Duels won")
    await tab.page.get_by_label("At least").fill("3")
    await expect(tab.page.locator("#simulation")).to_contain_text("1 of 42")
    dashboard.assert_clean(tab)


async def test_a_stat_may_be_called_anything(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board?stat=constructor&series=constructor"))
    await expect(tab.page.get_by_role("heading", name="Constructor, all time")).to_be_visible()
    await expect(tab.page.get_by_role("figure")).to_contain_text("Messages: ")
    dashboard.assert_clean(tab)
