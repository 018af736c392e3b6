"""What a page shows while it loads, where nothing is, when the server is away, and when it is back."""

import asyncio

from playwright.async_api import Route, expect

from tests.dashboard.support import Dashboard, axe_faults, page_of
from tests.support.people import HARBOUR, MALLORY, QUARRY

# Else the page may come back by itself before the button is clicked: it tries again after two seconds.
_ONLY_SOON = """() => {
  window.before = window.setTimeout;
  window.setTimeout = (call, milliseconds) => milliseconds < 1000 ? window.before(call, milliseconds) : 0;
}"""


async def test_a_slow_page_says_that_it_loads_and_a_quick_one_does_not(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await expect(page.get_by_role("heading", level=1, name="Leaderboard")).to_be_visible()
    let_go = asyncio.Event()

    async def late(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route("**/achievements?*", late)
    await page.get_by_role("link", name="Achievements").click()
    await expect(page.get_by_role("status").filter(has_text="Loading…")).to_be_attached()
    await expect(page.get_by_role("main")).to_have_attribute("aria-busy", "true")
    await expect(page.locator(".skeleton")).to_be_visible()
    await tab.screenshot("dashboard-loading")
    assert await axe_faults(page) == []
    let_go.set()
    await expect(page.get_by_role("heading", level=1, name="Achievements")).to_be_focused()
    await expect(page.get_by_role("status").filter(has_text="Loading…")).to_have_count(0)
    await expect(page.get_by_role("main")).not_to_have_attribute("aria-busy", "true")


async def test_after_an_outage_a_page_comes_by_itself_or_at_a_click(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await expect(page.get_by_role("heading", level=1, name="Leaderboard")).to_be_visible()
    await page.route("**/v1/**", lambda route: route.fulfill(status=503, json={"title": "Away", "detail": "Later."}))
    await page.evaluate(_ONLY_SOON)
    await page.get_by_role("link", name="Achievements").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The server is not answering")
    await expect(page.get_by_role("alert")).to_contain_text("Later.")
    await tab.screenshot("dashboard-failed")
    assert await axe_faults(page) == []
    await page.unroute("**/v1/**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", level=1, name="Achievements")).to_be_focused()

    await page.evaluate("() => { window.setTimeout = window.before }")
    await page.context.set_offline(True)
    await page.get_by_role("link", name="Leaderboard").click()
    await expect(page.get_by_role("alert")).to_contain_text("Check your connection.")
    await page.context.set_offline(False)
    await expect(page.get_by_role("heading", level=1, name="Leaderboard")).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()


async def test_a_server_that_is_away_at_the_start_is_waited_for(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await page.route("**/v1/**", lambda route: route.abort())
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The server is not answering")
    await page.unroute("**/v1/**")
    await expect(page.get_by_role("heading", level=1, name="Leaderboard")).to_be_visible()
    await expect(page.get_by_role("banner")).to_contain_text("Ada")


async def test_scripts_that_do_not_come_leave_a_word(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await expect(page.get_by_role("table")).to_be_visible()
    await expect(page.get_by_text("If this stays, reload the page.")).to_have_count(0)
    await page.route("**/assets/dashboard/router.js*", lambda route: route.abort())
    await page.reload()
    await expect(page.get_by_text("Loading… If this stays, reload the page.")).to_be_visible()


async def test_a_part_that_fails_leaves_the_rest_and_tries_again(dashboard: Dashboard) -> None:
    tab = await dashboard.open()
    page = tab.page
    await page.route(
        "**/activity?*", lambda route: route.fulfill(status=503, json={"title": "Away", "detail": "Later."})
    )
    await page.evaluate("hash => { location.hash = hash }", page_of("board"))
    await expect(page.get_by_role("table")).to_be_visible()
    await expect(page.get_by_role("alert")).to_contain_text("The chart could not be loaded. Later.")
    await page.unroute("**/activity?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("figure")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_the_way_back_from_a_page_that_failed_works(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("board"))
    page = tab.page
    await page.get_by_role("link", name="Where am I?").wait_for()
    await page.route(
        "**/v1/guilds/**", lambda route: route.fulfill(status=503, json={"title": "Away", "detail": "Later."})
    )
    await page.evaluate("location.hash = location.hash + '?period=week'")
    await expect(page.get_by_role("alert")).to_contain_text("Later.")
    await page.go_back()
    await page.unroute("**/v1/guilds/**")
    await expect(page.get_by_role("table")).to_be_visible()


async def test_where_nothing_is_a_page_says_what_to_do(dashboard: Dashboard) -> None:
    tab = await dashboard.open(f"#/guilds/{QUARRY}/board", person=MALLORY)
    page = tab.page
    await expect(page.get_by_text("Nobody is on this leaderboard yet.")).to_be_visible()
    await page.get_by_role("link", name="Achievements").click()
    await expect(page.get_by_text("No achievements yet.")).to_be_visible()
    assert str(HARBOUR) not in await page.content()
    dashboard.assert_clean(tab)
