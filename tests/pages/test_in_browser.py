"""The pages as a browser shows them, and what the browser asked for meanwhile."""

import json
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.pages.stub import NOT_READY, READY
from tests.support.browser import Tab, browser_page
from tests.support.serving import serve


async def colour_of(page: Page, selector: str) -> str:
    return str(await page.locator(selector).evaluate("element => getComputedStyle(element).backgroundColor"))


def assert_clean(tab: Tab, base_url: str) -> None:
    assert tab.requests
    assert tab.foreign(base_url) == []
    assert tab.errors == []


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("light", 1280, "light"),
        ("dark", 1280, "dark"),
        ("narrow", 360, "light"),
        ("narrow-dark", 360, "dark"),
    ],
)
async def test_a_browser_shows_that_it_is_ready(
    chromium: Browser, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with serve(READY) as base_url, browser_page(chromium, width=width, color_scheme=scheme) as tab:
        await tab.page.goto(f"{base_url}/")
        await expect(tab.page.get_by_role("status")).to_contain_text("Ready.")
        await expect(tab.page.get_by_role("status")).to_contain_text("migrations")
        await expect(tab.page.get_by_role("region", name="A first call")).to_contain_text(f"{base_url}/v1/guilds")
        await tab.screenshot(f"home-{name}")

        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert await colour_of(tab.page, "body") == {"light": "rgb(247, 246, 251)", "dark": "rgb(20, 18, 31)"}[scheme]
        assert_clean(tab, base_url)


async def test_a_browser_shows_that_it_is_not_ready_and_why(chromium: Browser) -> None:
    async with serve(NOT_READY) as base_url, browser_page(chromium) as tab:
        await tab.page.goto(f"{base_url}/")
        health = tab.page.get_by_role("status")
        await expect(health).to_contain_text("Not ready.")
        await expect(health).to_contain_text("failing, no <b>route</b>")
        await tab.screenshot("home-not-ready")

        # Chromium prints a line of its own for every answer of 400 and above.
        assert len(tab.errors) == 1
        assert "status of 503" in tab.errors[0]
        assert tab.foreign(base_url) == []


async def test_a_browser_shows_that_the_server_went_away(chromium: Browser) -> None:
    async with serve(READY) as base_url, browser_page(chromium) as tab:
        await tab.page.goto(f"{base_url}/")
        await expect(tab.page.get_by_role("status")).to_contain_text("Ready.")
        await tab.page.context.set_offline(True)
        await tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(tab.page.get_by_role("status")).to_contain_text("Not reachable.")


async def test_without_javascript_the_pages_say_where_to_look(chromium: Browser) -> None:
    async with serve(READY) as base_url, browser_page(chromium, java_script=False) as tab:
        await tab.page.goto(f"{base_url}/")
        await expect(tab.page.get_by_role("status")).to_contain_text("/health/ready")
        await expect(tab.page.get_by_role("region", name="A first call")).to_contain_text(f"{base_url}/v1/guilds")
        await tab.page.goto(f"{base_url}/schema")
        await expect(tab.page.get_by_role("main")).to_contain_text("/schema/openapi.json")


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 360, "light")]
)
async def test_a_browser_lists_the_operations(
    chromium: Browser, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with serve(READY) as base_url, browser_page(chromium, width=width, color_scheme=scheme) as tab:
        await tab.page.goto(f"{base_url}/schema")
        await expect(tab.page.locator(".opblock")).to_have_count(2)
        await expect(tab.page.locator("#reference")).to_contain_text("The bot joined, or a name changed.")
        await tab.screenshot(f"schema-{name}")

        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert_clean(tab, base_url)


async def test_a_route_is_found_at_the_side_with_samples_in_three_languages(chromium: Browser) -> None:
    document = json.loads((Path(__file__).parents[1] / "architecture" / "openapi.json").read_text())
    async with serve(READY) as base_url, browser_page(chromium) as tab:
        page = tab.page
        await page.route("**/schema/openapi.json", lambda route: route.fulfill(json=document))
        await page.goto(f"{base_url}/schema")
        await expect(page.locator(".opblock").first).to_be_in_viewport()
        await page.get_by_label("Your guild's id, for the samples").fill("4242")
        await page.keyboard.press("Tab")
        await page.get_by_label("Find a route").fill("post level-curve")
        await page.get_by_role("navigation", name="Routes").get_by_role("link").locator("visible=true").click()
        block = page.locator("#operations-settings-preview_level_curve")
        await expect(block).to_be_in_viewport()
        sample = block.locator(".samples pre")
        await expect(sample).to_contain_text(f'curl -X POST "{base_url}/v1/guilds/4242/level-curve/preview"')
        await expect(sample).to_contain_text('"preset":"mee6"')
        await block.get_by_role("button", name="Python").click()
        await expect(sample).to_contain_text('request("POST", "/v1/guilds/4242/level-curve/preview", object')
        await block.get_by_role("button", name="TypeScript").click()
        await expect(sample).to_contain_text("process.env.GUILDHALL_KEY!")
        await tab.screenshot("schema-route")
        assert (await block.bounding_box() or {"height": 0})["height"] < 2500
        assert_clean(tab, base_url)


async def test_a_link_cannot_have_another_document_drawn(chromium: Browser) -> None:
    async with serve(READY) as base_url, browser_page(chromium) as tab:
        other = f"{base_url}/health/ready"
        await tab.page.goto(f"{base_url}/schema?url={other}&configUrl={other}")
        await expect(tab.page.locator(".opblock")).to_have_count(2)

        assert other not in tab.requests
        assert_clean(tab, base_url)


async def test_a_browser_tries_an_operation_within_the_policy(chromium: Browser) -> None:
    async with serve(READY) as base_url, browser_page(chromium) as tab:
        page = tab.page
        await page.goto(f"{base_url}/schema")
        await page.get_by_role("button", name="Authorize").click()
        await page.get_by_label("Value").fill("gh_example")
        await page.locator(".auth-btn-wrapper").get_by_role("button", name="Apply credentials").click()
        await page.locator(".auth-btn-wrapper").get_by_role("button", name="Close").click()
        for operation in await page.locator(".opblock-summary-control").all():
            await operation.click()
        await page.locator(".opblock-get").get_by_role("button", name="Try it out").click()
        await page.get_by_role("button", name="Execute").click()
        await expect(page.locator(".live-responses-table")).to_contain_text("answered-by-the-stub")
        await tab.screenshot("schema-tried")

        assert_clean(tab, base_url)
