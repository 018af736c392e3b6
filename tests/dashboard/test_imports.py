"""Imports: the bot, its file, what would change, the run, what was refused; and the export."""

import csv
from pathlib import Path

import httpx2
from playwright.async_api import Page, expect

from tests.dashboard.support import ROLES, Dashboard, axe_faults, page_of
from tests.support.discord import Discord
from tests.support.people import ADA, BO, HARBOUR, MALLORY

ROWS = f"user_id,xp,display_name\n{ADA},100000,Ada Lovelace\n7700000000000000,4675,Grace\nnobody,5,Nobody\n"


def downloaded(file: Path) -> bytes:
    return file.read_bytes()


async def chosen(page: Page, text: str) -> None:
    await page.get_by_role("radio", name="A table (CSV)").check()
    await page.get_by_label("Choose a file").set_input_files(
        {"name": "standings.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    await expect(page.get_by_text("standings.csv,")).to_be_visible()
    await page.get_by_role("button", name="Show what would change").click()


async def test_a_file_is_previewed_and_then_imported(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("imports"))
    page = tab.page
    await expect(page.get_by_text("No imports yet.")).to_be_visible()
    await page.get_by_role("radio", name="MEE6").check()
    await expect(page.get_by_text(f"leaderboard/{HARBOUR}?limit=1000&page=0")).to_be_visible()
    await expect(page.get_by_label("Also take over its level roles")).to_be_visible()
    await tab.screenshot("dashboard-imports-chosen")
    assert await axe_faults(page) == []
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.get_by_role("alert")).to_contain_text("Choose one first.")
    await chosen(page, ROWS)
    await expect(page.get_by_role("heading", level=1, name="Preview of an import from A table (CSV)")).to_be_visible()
    await expect(
        page.get_by_text("2 rows would be taken, 0 rows would change nothing, 1 row would be refused.")
    ).to_be_visible()
    grace = page.get_by_role("table", name="Members, before and after").get_by_role("row").filter(has_text="Grace")
    await expect(grace).to_contain_text("0 → 4,675")
    await expect(grace).to_contain_text("0 → 10")
    await tab.screenshot("dashboard-import-preview")
    assert await axe_faults(page) == []
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/7700000000000000")).status_code == 404

    async with page.expect_download() as begun:
        await page.get_by_role("button", name="Download them as CSV").click()
    header, [row, place, why] = csv.reader(downloaded(await (await begun.value).path()).decode().splitlines())
    assert (header, row, place) == (["row", "place", "why"], "3", "/user_id")
    assert "snowflake" in why or "id" in why

    await page.get_by_role("button", name="Import 2 rows now").click()
    await expect(page.get_by_role("heading", level=1, name="Import from A table (CSV)")).to_be_visible()
    await expect(page.get_by_text("2 rows taken, 0 rows changed nothing, 1 row refused.")).to_be_visible()
    await expect(page.get_by_role("heading", name="What to do next")).to_be_visible()
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/7700000000000000")).json()["xp"] == 4675
    await page.get_by_role("link", name="← Import and export").click()
    await expect(page.get_by_role("table", name="Imports so far").get_by_role("row")).to_have_count(3)
    async with page.expect_download() as begun:
        await page.get_by_role("link", name="Download the export").click()
    assert b'"Grace"' in downloaded(await (await begun.value).path())
    dashboard.assert_clean(tab)


async def test_a_preview_whose_file_is_gone_asks_for_it_again(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("imports"))
    page = tab.page
    await chosen(page, ROWS)
    await expect(page.get_by_role("button", name="Import 2 rows now")).to_be_visible()
    await page.route("**/imports?*", lambda route: route.abort())
    await page.get_by_role("button", name="Import 2 rows now").click()
    await expect(page.get_by_role("alert")).to_contain_text("The import did not start. The server did not answer.")
    await page.unroute("**/imports?*")
    await page.reload()
    await page.get_by_role("link", name="Choose the file again").click()
    await expect(page.get_by_role("heading", level=1, name="Import and export")).to_be_focused()


async def test_a_file_of_another_kind_is_explained(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("imports"))
    page = tab.page
    await chosen(page, "name,points\nAda,5\n")
    await expect(page.get_by_role("alert")).to_contain_text("The preview failed.")
    await tab.screenshot("dashboard-import-failed")
    await expect(page.get_by_role("button", name="now")).to_have_count(0)


async def test_readers_and_strangers_import_nothing(
    dashboard: Dashboard, bot: httpx2.AsyncClient, discord: Discord
) -> None:
    regulars = next(iter(ROLES))
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/privacy", json={"reader_role_ids": [regulars]})
    discord.members[HARBOUR][BO].roles = [int(regulars)]
    reader = await dashboard.open(page_of("imports"), person=BO)
    await expect(reader.page.get_by_text("You may not import or export here.")).to_be_visible()
    dashboard.assert_clean(reader)
    stranger = await dashboard.open(page_of("imports"), person=MALLORY)
    await expect(stranger.page.get_by_role("alert")).to_contain_text("you may not see it")
