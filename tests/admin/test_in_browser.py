"""The admin as a person uses it, in a browser."""

import re
from typing import Literal

import pytest
from litestar.types import ASGIApp
from playwright.async_api import Browser, Page, expect
from pyotp import TOTP

from api.postgres.engine import PlainConnection
from tests.admin.conftest import IGNORE_SCHEMA, PASSWORD
from tests.support.browser import Tab, browser_page
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import BO, QUARRY
from tests.support.serving import serve

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)


@pytest.fixture
async def two_hundred_guilds(app: ASGIApp, owner: PlainConnection) -> None:
    """Guilds with real ids, of which `QUARRY` is one."""
    await owner.execute("SET guildhall.audited = 'on'")
    await owner.execute(
        "INSERT INTO guilds (id, name, owner_id)"
        " SELECT 1100000000000000000 + n * 4194304001, 'Guild ' || to_char(n, 'FM000'), $1"
        " FROM generate_series(1, 199) AS n",
        BO,
    )
    await owner.execute("INSERT INTO guilds (id, name, owner_id) VALUES ($1, 'Quarry', $2)", QUARRY, BO)
    await owner.execute(
        "INSERT INTO guild_roles (guild_id, role_id, name, color) VALUES ($1, $2, 'Mason', 255)", QUARRY, BO
    )
    await owner.execute("RESET guildhall.audited")


async def enter(page: Page, base_url: str) -> None:
    await page.goto(f"{base_url}/admin")
    await page.locator("input[name=username]").fill("ada")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.get_by_role("button", name="Login").click()
    await expect(page.get_by_role("link", name="guilds", exact=True).first).to_be_visible()


def assert_clean(tab: Tab, base_url: str, *, refused: int = 0) -> None:
    """Nothing came from elsewhere, nothing broke the policy. Before the log-in the page asks for what
    it is then refused; afterwards Chromium prints a line for each of `refused`."""
    assert tab.requests
    assert tab.foreign(base_url) == []
    assert [error for error in tab.errors if "policy" in error.lower()] == []
    later = [error for error in tab.errors if "401" not in error]
    assert len(later) == refused, later
    assert all("status of 4" in error for error in later)


async def test_a_guild_is_found_among_two_hundred_renamed_and_audited(
    chromium: Browser, app: ASGIApp, clients: Clients, ada_id: int, two_hundred_guilds: None
) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium) as tab, await clients.bot() as bot:
        page = tab.page
        await enter(page, base_url)
        await tab.screenshot("admin-home")

        await page.get_by_role("link", name="guilds", exact=True).first.click()
        await expect(page.get_by_text("of 200 result(s)")).to_be_visible()
        await tab.screenshot("admin-guilds")
        await page.get_by_text("Show Filters").click()
        await page.locator("[data-uitest=right_sidebar] input[name=id]").fill(str(QUARRY))
        await page.locator("[data-uitest=right_sidebar]").get_by_role("button", name="Apply").click()
        await expect(page.get_by_text("of 1 result(s)")).to_be_visible()
        await expect(page.get_by_role("cell", name=str(QUARRY), exact=True)).to_be_visible()
        await tab.screenshot("admin-guild-found")

        await page.get_by_role("link", name="Quarry", exact=True).click()
        await expect(page).to_have_url(re.compile(rf"#/guilds/{QUARRY}"))
        name = page.locator("form input[name=name]")
        await expect(name).to_have_value("Quarry")
        await expect(page.locator("form input[name=owner_id]")).to_have_value(str(BO))
        # The word of the filter that was applied is taken away three seconds after it came, with any other that has
        # taken its place: unless it was closed before.
        await page.evaluate("document.querySelector('#message_popup a')?.click()")
        await expect(page.locator("#message_popup")).to_be_hidden()
        await tab.screenshot("admin-guild")
        await name.fill("Marble Quarry")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Successfully saved row")).to_be_visible()
        await tab.screenshot("admin-guild-saved")
        assert_clean(tab, base_url)

        guild = (await bot.get(f"/v1/guilds/{QUARRY}")).json()
        assert (guild["id"], guild["name"], guild["owner_id"]) == (str(QUARRY), "Marble Quarry", str(BO))
        (entry,) = (await bot.get(f"/v1/guilds/{QUARRY}/audit-log")).json()["items"]
        assert entry["actor"] == {"kind": "admin", "id": str(ada_id)}
        assert (entry["action"], entry["target"]) == ("guild.updated", str(QUARRY))
        assert entry["changes"] == {"name": {"before": "Quarry", "after": "Marble Quarry"}}

        await page.goto(f"{base_url}/admin/#/named_audit_log/")
        await expect(page.get_by_role("cell", name="guild.updated")).to_be_visible()
        await tab.screenshot("admin-audit-log")


async def test_what_is_wrong_is_said_beside_the_form(
    chromium: Browser, app: ASGIApp, ada_id: int, two_hundred_guilds: None
) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium, width=1100) as tab:
        page = tab.page
        await enter(page, base_url)
        await page.goto(f"{base_url}/admin/#/guilds/{QUARRY}/")
        await page.locator("form input[name=timezone]").fill("Middle/Earth")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("timezone field - is not an IANA time zone")).to_be_visible()
        await tab.screenshot("admin-guild-refused")

        await page.goto(f"{base_url}/admin/#/guild_roles/")
        await expect(page.get_by_role("link", name="Mason")).to_be_visible()
        await tab.screenshot("admin-roles")
        await expect(page.get_by_text("Add Row")).to_be_hidden()
        await page.get_by_role("link", name="Mason").click()
        await expect(page.locator("form input[name=name]")).to_have_value("Mason")
        await expect(page.get_by_role("button", name="Save")).to_be_hidden()
        await tab.screenshot("admin-role")
        await page.goto(f"{base_url}/admin/#/admin_users/")
        await page.get_by_role("cell", name="ada", exact=True).get_by_role("link").click()
        await expect(page.locator("form input[name=username]")).to_have_value("ada")
        await expect(page.get_by_role("button", name="Save")).to_be_visible()
        await tab.screenshot("admin-person")
        assert_clean(tab, base_url, refused=1)


async def test_a_wrong_password_is_reported(chromium: Browser, app: ASGIApp, ada_id: int) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium) as tab:
        await tab.page.goto(f"{base_url}/admin/")
        await tab.page.locator("input[name=username]").fill("ada")
        await tab.page.locator("input[name=password]").fill("wrong password")
        await tab.screenshot("admin-log-in")
        await tab.page.get_by_role("button", name="Login").click()
        await expect(tab.page.get_by_text("Problem logging in")).to_be_visible()
        await tab.page.locator("input[name=password]").fill(PASSWORD)
        await tab.page.get_by_role("button", name="Login").click()
        await expect(tab.page.get_by_role("link", name="guilds", exact=True).first).to_be_visible()
        await expect(tab.page.get_by_text("Problem logging in")).to_be_hidden()
        await expect(tab.page.locator("#message_popup")).to_be_hidden()
        assert_clean(tab, base_url)


async def test_the_second_factor_by_the_menu(chromium: Browser, app: ASGIApp, ada_id: int, clock: MovableClock) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium) as tab:
        page = tab.page
        page.on("dialog", lambda dialog: dialog.accept())  # "Are you sure you want to logout?"
        await enter(page, base_url)
        await page.locator("#user").click()
        await page.get_by_role("link", name="MFA Setup", exact=True).click()
        await expect(page.get_by_text("The second factor is off.")).to_be_visible()
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="Turn it on").click()
        await expect(page.get_by_alt_text("QR code")).to_be_visible()
        await tab.screenshot("admin-second-factor")
        totp = TOTP(str(await page.locator("#secret").text_content()))
        await page.locator("input[name=code]").fill(totp.at(clock.now()))
        await page.get_by_role("button", name="It is set up").click()
        await expect(page.get_by_text("The second factor is on:")).to_be_visible()
        await page.get_by_role("link", name="Back to the admin").click()
        await page.locator("#user").click()
        await page.get_by_role("link", name="Log Out", exact=True).click()

        clock.move(seconds=30)
        await page.locator("input[name=username]").fill("ada")
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="Login").click()
        await page.locator("input[placeholder]").fill(totp.at(clock.now()))
        await tab.screenshot("admin-code")
        await page.get_by_role("button", name="Login").click()
        await expect(page.get_by_role("link", name="guilds", exact=True).first).to_be_visible()
        assert_clean(tab, base_url)


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_it_is_as_dark_as_the_system_until_somebody_chooses(
    chromium: Browser, app: ASGIApp, ada_id: int, scheme: Literal["dark", "light"]
) -> None:
    async with serve(app, lifespan="off") as base_url, browser_page(chromium, color_scheme=scheme) as tab:
        await enter(tab.page, base_url)
        await expect(tab.page.locator("#app #app")).to_have_class(re.compile(f"{scheme}_mode"))
        await tab.screenshot(f"admin-{scheme}")
        await tab.page.evaluate("localStorage.setItem('darkMode', 'false')")
        await tab.page.reload()
        await expect(tab.page.locator("#app #app")).to_have_class(re.compile("light_mode"))
