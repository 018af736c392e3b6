"""In another language: nothing is left in English, nothing is cut, dates and numbers follow the guild's locale."""

import re
from pathlib import Path

import httpx2
import msgspec
import pytest
from playwright.async_api import Page, Route, expect

from api.lib.languages import LANGUAGES
from api.pages import controller
from tests.dashboard.support import CHANNELS, ROLES, Dashboard, page_of
from tests.dashboard.test_for_everybody import PAGES, go
from tests.support.people import ADA, HARBOUR

# Elements whose content is wider than they are, and who do not scroll.
_CUT = """() => [...document.body.querySelectorAll("*")].filter((element) =>
  element.checkVisibility() && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1
  && !element.closest(".unseen, svg") && !["auto", "scroll"].includes(getComputedStyle(element).overflowX)
).map((element) => element.outerHTML.slice(0, 200))"""

# What is shown or read aloud, but for data. Translated texts stand in brackets, also within each other.
_UNTRANSLATED = """() => {
  const found = [];
  const data = "bdi, code, q, del, ins, .username, .value, .id, .icon, .badge, .face, pre, #language, .message";
  const months = Array.from({ length: 12 }, (_, month) => new Date(2026, month, 1));
  const days = Array.from({ length: 7 }, (_, day) => new Date(2026, 5, day));
  const dates = new Set(["short", "long"].flatMap((style) => [
    ...months.map((each) => each.toLocaleDateString("de", { month: style })),
    ...months.map((each) => each.toLocaleDateString("de", { day: "numeric", month: style }).replace(/^[\\d. ]+/, "")),
    ...days.map((each) => each.toLocaleDateString("de", { weekday: style })),
  ]).map((each) => each.replace(".", "")));
  const note = (text, element) => {
    let left = text;
    for (let before = ""; before !== left; ) [before, left] = [left, left.replace(/⟦[^⟦⟧]*⟧/g, "")];
    const words = (left.replace(/\\{\\w+\\}/g, "").match(/\\p{L}{2,}/gu) ?? []).filter((word) => !dates.has(word));
    if (words.length > 0 && element.checkVisibility() && !element.closest(data)) found.push(left.trim());
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) note(walker.currentNode.data, walker.currentNode.parentElement);
  for (const name of ["aria-label", "title", "placeholder", "alt"]) {
    for (const element of document.body.querySelectorAll(`[${name}]`)) note(element.getAttribute(name), element);
  }
  return [...new Set(found)];
}"""
_NAMES = {
    "Ada", "Harbour", "Guildhall", "First words", "Devoted <b>", "Say hello.", "duels_won", "Duels won",
    *ROLES.values(), *(f"@{name}" for name in ROLES.values()), *(f"#{name}" for name in CHANNELS.values()),
}  # fmt: skip
_BY_THE_SERVER = {
    LANGUAGES["de"].text(english)
    for english in re.findall(r"\{\{(.+?)\}\}", Path(controller.__file__).with_name("dashboard.html").read_text())
}
_SOURCES = {"MEE6", "AmariBot", "Tatsu", "Lurkr", "Polaris"}


def _brackets(english: str) -> str:
    return "⟦" + re.sub(r"(\{\w+\})", r"⟧\1⟦", english) + "⟧"


async def in_brackets(route: Route) -> None:
    """A catalog that puts each text into brackets, but for what stands in it."""
    catalog = msgspec.json.decode(LANGUAGES["de"].as_json())
    catalog["messages"] = {
        english: _brackets(english) if isinstance(forms, str) else [_brackets(english)] * len(forms)
        for english, forms in catalog["messages"].items()
    }
    await route.fulfill(json=catalog)


async def prepare(bot: httpx2.AsyncClient) -> None:
    """Something in every part of the pages."""
    leveling = {"role_rewards": [{"level": 3, "role_id": next(iter(ROLES))}], "channel_multipliers": []}
    answer = await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=leveling)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("width", [390, 1280])
async def test_in_german_nothing_is_cut(dashboard: Dashboard, bot: httpx2.AsyncClient, width: int) -> None:
    await prepare(bot)
    tab = await dashboard.open(width=width, locale="de-DE")
    for name, fragment in PAGES.items():
        await go(tab.page, fragment)
        if name == "settings":
            await expect(tab.page.locator(".curve-preview .levels")).to_be_visible()
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert await tab.page.evaluate(_CUT) == [], name
        await tab.screenshot(f"dashboard-{name}-german-{width}")
    dashboard.assert_clean(tab)


async def untranslated(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(_UNTRANSLATED)
    return [
        text
        for text in found
        if text not in _NAMES | _SOURCES | _BY_THE_SERVER and not re.fullmatch(r"@?ada|#\d+", text)
    ]


async def test_nothing_is_left_in_english(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    await prepare(bot)
    tab = await dashboard.open(person=None, locale="de-DE")
    page = tab.page
    await page.route("**/assets/languages/de.json*", in_brackets)
    await page.reload()
    await expect(page.get_by_role("link", name="⟦Log in with Discord⟧")).to_be_visible()
    missing = {"login": await untranslated(page)}
    await dashboard.log_in(tab, ADA)
    await page.reload()
    for name, fragment in PAGES.items():
        await go(page, fragment)
        missing[name] = await untranslated(page)
    assert {name: texts for name, texts in missing.items() if texts} == {}


async def test_dates_and_numbers_follow_the_guild_and_the_language(
    dashboard: Dashboard, bot: httpx2.AsyncClient
) -> None:
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"set": 1_234_567})
    tab = await dashboard.open(page_of("board"), locale="de-DE")
    page = tab.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("Rangliste")
    await expect(page.get_by_role("table")).to_contain_text("1.234.567")
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"locale": "de-CH"})
    await expect(page.get_by_role("table")).to_contain_text("1'234'567")
    await page.get_by_label("Sprache").select_option("English")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Leaderboard")
    await expect(page.get_by_role("table")).to_contain_text("1,234,567")
    await page.goto(f"{dashboard.base_url}/dashboard/{page_of('settings/leveling')}")
    await expect(page.get_by_label("Cooldown", exact=True)).to_be_visible()
    dashboard.assert_clean(tab)


async def test_settings_are_saved_in_german(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("settings/leveling"), locale="de-DE")
    await tab.page.get_by_label("Abklingzeit", exact=True).fill("75")
    await tab.page.get_by_role("button", name="Speichern", exact=True).click()
    await expect(tab.page.get_by_text("Gespeichert, als Version 1.")).to_be_visible()
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/settings/leveling")).json()["values"]["cooldown_seconds"] == 75
