"""Webhooks in the dashboard: made with a secret that is shown once, watched, paused, removed."""

import httpx2
import pytest
from playwright.async_api import expect

from tests.dashboard.support import ROLES, Dashboard, axe_faults, page_of
from tests.support.discord import Discord
from tests.support.people import BO, HARBOUR
from tests.webhooks.conftest import Deliver
from tests.webhooks.conftest import deliver as deliver
from tests.webhooks.conftest import private as private
from tests.webhooks.conftest import receiver as receiver
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import FAILS, WORKS

PATH = f"/v1/guilds/{HARBOUR}/webhooks"
URL = "https://93.184.215.14/hook"


async def test_a_webhook_is_made_and_its_secret_shown_once(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("webhooks"))
    page = tab.page
    await expect(page.get_by_text("No webhooks yet.")).to_be_visible()
    await tab.screenshot("dashboard-webhooks-empty")
    await page.get_by_role("button", name="Add webhook").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Address").fill("http://127.0.0.1/")
    await dialog.get_by_label("Level reached").check()
    await dialog.get_by_role("button", name="Add webhook").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("/url")
    assert await axe_faults(page) == []
    await dialog.get_by_label("Address").fill(URL)
    await dialog.get_by_role("button", name="Add webhook").click()
    await expect(page.get_by_role("heading", name="The webhook's secret")).to_be_visible()
    assert (await page.get_by_label("Secret", exact=True).input_value()).startswith("whsec_")
    await tab.screenshot("dashboard-webhook-secret")
    assert await axe_faults(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="I have stored it").click()
    await expect(page.get_by_role("heading", level=1, name="93.184.215.14")).to_be_focused()
    await expect(page.get_by_text("Nothing was sent in the last week.")).to_be_visible()
    [made] = (await bot.get(PATH)).json()["items"]
    assert (made["url"], made["types"]) == (URL, ["member.level_up"])
    dashboard.assert_clean(tab, refused=(422,))


@pytest.mark.usefixtures("private")
async def test_what_failed_is_seen_and_sent_again(
    dashboard: Dashboard, bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.answers = [FAILS]
    made = (await bot.post(PATH, json={"url": receiver.url})).json()
    await bot.post(f"{PATH}/{made['id']}/test")
    await deliver()
    tab = await dashboard.open(page_of("webhooks"), width=390, color_scheme="dark")
    page = tab.page
    await expect(page.get_by_text("failed: the server answered with status 500. Next try:")).to_be_visible()
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-webhooks-phone")
    await page.get_by_role("link", name=receiver.url).click()
    again = page.get_by_role("button", name="Send now: Test")
    await expect(again).to_be_visible()
    await tab.screenshot("dashboard-webhook-phone")
    assert await axe_faults(page) == []
    receiver.answers = [WORKS]
    await again.click()
    await expect(page.get_by_text("It is sent again now.")).to_be_visible()
    await deliver()
    await expect(page.get_by_role("button", name="Send again: Test")).to_be_visible()
    await expect(page.get_by_role("cell", name="delivered")).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("The webhook is paused.")).to_be_visible()
    await expect(page.get_by_role("button", name="Send")).to_have_count(0)
    await page.get_by_role("button", name="Resume").click()
    await page.get_by_role("button", name="Edit").click()
    await page.get_by_role("dialog").get_by_label("Settings changed").check()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    stored = (await bot.get(f"{PATH}/{made['id']}")).json()
    assert (stored["enabled"], stored["types"]) == (True, ["settings.updated"])
    await page.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("No webhooks yet.")).to_be_visible()
    dashboard.assert_clean(tab)


async def test_deliveries_that_cannot_be_loaded_leave_the_rest(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    made = (await bot.post(PATH, json={"url": URL})).json()
    tab = await dashboard.open()
    page = tab.page
    away = {"title": "Away", "detail": "Later."}
    await page.route("**/deliveries?*", lambda route: route.fulfill(status=503, json=away))
    await page.evaluate("hash => { location.hash = hash }", page_of(f"webhooks/{made['id']}"))
    await expect(page.get_by_role("alert")).to_contain_text("The deliveries could not be loaded. Later.")
    await page.unroute("**/deliveries?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Nothing was sent in the last week.")).to_be_visible()


async def test_who_does_not_manage_sees_no_way_there(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    regulars = next(iter(ROLES))
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/privacy", json={"writer_role_ids": [regulars]})
    discord.members[HARBOUR][BO].roles = [int(regulars)]
    tab = await dashboard.open(page_of("overview"), person=BO)
    await expect(tab.page.get_by_role("link", name="Import/export")).to_be_visible()
    await expect(tab.page.get_by_role("link", name="Webhooks")).to_have_count(0)
    await tab.page.evaluate("hash => { location.hash = hash }", page_of("webhooks"))
    await expect(tab.page.get_by_role("alert")).to_contain_text("you do not have the scope")
