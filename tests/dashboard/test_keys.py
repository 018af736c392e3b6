"""Keys of a guild and a person's own sessions, in the dashboard."""

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import Dashboard, axe_faults, page_of
from tests.support.clients import Clients
from tests.support.people import HARBOUR


async def test_a_key_is_made_shown_once_and_revoked(
    dashboard: Dashboard, bot: httpx2.AsyncClient, clients: Clients
) -> None:
    tab = await dashboard.open(page_of("keys"), width=390, color_scheme="dark")
    page = tab.page
    await expect(page.get_by_text("No keys yet.")).to_be_visible()
    await page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Statistics")
    await expect(dialog.get_by_label("Change XP, import and export")).to_have_count(0)
    await expect(dialog.get_by_label("Change settings")).not_to_be_checked()
    await dialog.get_by_label("Works for").select_option(label="until somebody revokes it")
    assert await axe_faults(page) == []
    await tab.screenshot("dashboard-key-phone")
    await dialog.get_by_role("button", name="Make the key").click()
    secret = await page.get_by_label("Secret", exact=True).input_value()
    async with clients.bearer(secret) as client:
        assert (await client.get(f"/v1/guilds/{HARBOUR}/members")).status_code == 200
        assert (await client.patch(f"/v1/guilds/{HARBOUR}", json={})).status_code == 403
        await page.get_by_role("button", name="I have stored it").click()
        await expect(page.get_by_role("table", name="Keys")).to_contain_text("Statistics")
        await tab.screenshot("dashboard-keys-phone")
        assert await axe_faults(page) == []
        await page.get_by_role("button", name="Revoke Statistics").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(page.get_by_text("No keys yet.")).to_be_visible()
        assert (await client.get(f"/v1/guilds/{HARBOUR}/members")).status_code == 401
    dashboard.assert_clean(tab)


async def test_other_sessions_are_seen_and_ended(dashboard: Dashboard) -> None:
    elsewhere = await dashboard.open(page_of("overview"))
    await expect(elsewhere.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    tab = await dashboard.open()
    page = tab.page
    await page.get_by_role("link", name="Ada").click()
    await expect(page.get_by_role("heading", level=1, name="Your sessions")).to_be_focused()
    await expect(page.get_by_role("listitem").filter(has_text="this one")).to_be_visible()
    await tab.screenshot("dashboard-sessions")
    assert await axe_faults(page) == []
    await page.get_by_role("button", name="Log out there:").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log out there").click()
    await expect(page.get_by_text("You are logged in here and nowhere else.")).to_be_visible()
    await elsewhere.page.reload()
    await expect(elsewhere.page.get_by_role("link", name="Log in with Discord")).to_be_visible()
    dashboard.assert_clean(tab)
