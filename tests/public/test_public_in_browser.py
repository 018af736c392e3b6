"""The public pages as a browser shows them, which runs no scripts."""

import gzip
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser, expect

from tests.activity.test_record import message, record
from tests.support.browser import browser_page
from tests.support.people import ADA, BO, HARBOUR
from tests.support.serving import serve

AXE = gzip.decompress((Path(__file__).parents[1] / "support/vendor/axe-core/axe.min.js.gz").read_bytes()).decode()
CHECK = """async () => {
  const found = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" ")}`);
}"""
NAMES = ["Bo", "Captain Ẃ. Longname-Featherstonehaugh", "夜猫", "نور", "Ольга", "🦊 Fox"]


@pytest.fixture
async def busy(shown: None, bot: httpx2.AsyncClient) -> None:
    """Six more people, an achievement and the rewards of two levels."""
    people = [BO, *(ADA + number for number in range(1, len(NAMES)))]
    items: list[dict[str, Any]] = [  # Any: JSON
        {"user_id": str(person), "username": f"user{number}", "display_name": name}
        for number, (person, name) in enumerate(zip(people, NAMES, strict=True))
    ]
    definition = {"key": "first", "name": "First words", "condition": {"stat": "messages", "gte": 1}}
    assert (await bot.post(f"/v1/guilds/{HARBOUR}/achievements", json=definition)).status_code == 201
    await record(bot, *(message(f"b{person}", person) for person in [ADA, *people]))
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/members/names", json={"items": items})).json()["updated"] == len(
        people
    )
    for number, person in enumerate(people):
        url = f"/v1/guilds/{HARBOUR}/members/{person}/xp"
        assert (await bot.post(url, json={"set": 9000 // (number + 1)})).status_code == 200
    roles = {"items": [{"id": "77", "name": "Regular"}, {"id": "78", "name": "Legend"}]}
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/roles", json=roles)).status_code == 200
    rewards = {"role_rewards": [{"level": 5, "role_id": "77"}, {"level": 30, "role_id": "78"}]}
    assert (await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=rewards)).status_code == 200


@pytest.mark.usefixtures("busy", "screenshots")
@pytest.mark.parametrize(("name", "width", "scheme"), [("wide", 1280, "light"), ("phone-dark", 390, "dark")])
async def test_from_the_leaderboard_to_a_member(
    app: ASGIApp, chromium: Browser, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with (
        serve(app, lifespan="off") as base_url,
        browser_page(chromium, width=width, color_scheme=scheme, java_script=False) as tab,
    ):
        page = tab.page
        await page.goto(f"{base_url}/g/harbour")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Leaderboard")
        await expect(page.get_by_role("listitem").filter(has_text="Legend")).to_contain_text("Level 30")
        await tab.screenshot(f"public-{name}")
        await page.get_by_role("link", name="This week").click()
        await expect(page.get_by_role("link", name="This week")).to_have_attribute("aria-current", "page")
        await page.get_by_label("Find a member").fill("ada")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Ada <b>").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Ada <b>")
        await expect(page.get_by_role("listitem").filter(has_text="First words")).to_be_visible()
        await page.wait_for_load_state("networkidle")  # the card is drawn
        await tab.screenshot(f"public-member-{name}")
        assert tab.foreign(base_url) == []
        assert tab.errors == []


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(app: ASGIApp, chromium: Browser, scheme: Literal["light", "dark"]) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium, width=390, color_scheme=scheme) as tab:
        for path in ("/g/harbour", f"/g/harbour/members/{ADA}", "/g/harbour?q=nobody", "/g/nobody"):
            await tab.page.goto(f"{base_url}{path}")
            await tab.page.evaluate(f"() => {{ {AXE} }}")
            assert await tab.page.evaluate(CHECK) == [], path
            assert await tab.page.evaluate("document.documentElement.scrollWidth") <= 390, path
