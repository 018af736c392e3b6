"""The form of settings in real hands: slow networks, sessions that end, half numbers, phones, hundreds of channels."""

import asyncio

import httpx2
from playwright.async_api import Route, expect

from tests.dashboard.support import Dashboard, field, page_of, save
from tests.support.people import ADA, HARBOUR, MALLORY

LEVELING = f"/v1/guilds/{HARBOUR}/settings/leveling"
FIRST_OF_MANY = 41771983423150000


async def test_what_is_typed_while_it_is_saved_stays(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """On a slow network: in the same field, in another one, and where the cursor is."""
    tab = await dashboard.open(page_of("settings"))
    page = tab.page
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        if route.request.method == "PATCH" and not asked.is_set():
            asked.set()
            await answer.wait()
        await route.continue_()

    await page.route(f"**{LEVELING}", slowly)
    cooldown, reaction = page.get_by_label("Cooldown", exact=True), page.get_by_label("XP per reaction", exact=True)
    await cooldown.fill("90")
    await page.get_by_label("Why (optional)", exact=True).fill("slower")
    await save(page)
    await asked.wait()
    await reaction.fill("7")
    await cooldown.fill("120")
    answer.set()
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    assert (await bot.get(LEVELING)).json()["values"]["cooldown_seconds"] == 90
    await expect(cooldown).to_be_focused()
    await expect(cooldown).to_have_value("120")
    await cooldown.blur()
    await expect(field(page, "cooldown_seconds")).to_contain_text("Not saved")
    await expect(page.get_by_role("status").filter(has_text="2 changes not saved")).to_be_visible()
    await expect(page.get_by_text("Somebody else has just changed")).to_have_count(0)
    await save(page)
    await expect(page.get_by_text("Saved, as revision 2.")).to_be_visible()
    stored = (await bot.get(LEVELING)).json()["values"]
    assert (stored["cooldown_seconds"], stored["xp_per_reaction"]) == (120, 7)
    await expect(page.get_by_role("status").filter(has_text="No changes")).to_be_visible()
    dashboard.assert_clean(tab)


async def test_a_module_that_is_not_there(dashboard: Dashboard) -> None:
    tab = await dashboard.open(page_of("settings/nope"))
    await expect(tab.page.get_by_role("heading", name="Not found")).to_be_visible()
    await expect(tab.page.get_by_text("It does not exist, or you may not see it.")).to_be_visible()


async def test_a_number_is_not_made_into_another(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """Neither what was emptied, nor half a number, nor one that was not typed yet."""
    tab = await dashboard.open(page_of("settings"))
    page = tab.page
    cooldown, multipliers = field(page, "cooldown_seconds"), field(page, "role_multipliers")
    for typed, fault in (("", "needs a number"), ("12.7", "must be a whole number")):
        await page.get_by_label("Cooldown", exact=True).fill(typed)
        await save(page)
        await expect(cooldown).to_contain_text(fault)
        await expect(page.get_by_label("Cooldown", exact=True)).to_have_value(typed)
    await page.get_by_label("Cooldown", exact=True).fill("12")
    await page.keyboard.press("Tab")
    await multipliers.get_by_role("button", name="Add item").click()
    await expect(multipliers.get_by_label("Factor", exact=True)).to_have_value("")
    await multipliers.get_by_label("Role", exact=True).select_option(label="@Regulars")
    await save(page)
    await expect(multipliers).to_contain_text("needs a number")
    await expect(multipliers.get_by_label("Factor", exact=True)).to_be_focused()
    assert (await bot.get(LEVELING)).json()["revision"] == 0
    await multipliers.get_by_label("Factor", exact=True).fill("1.5")
    await save(page)
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    stored = (await bot.get(LEVELING)).json()["values"]
    assert (stored["cooldown_seconds"], stored["role_multipliers"][0]["factor"]) == (12, 1.5)
    dashboard.assert_clean(tab)


async def test_on_a_phone_what_is_wrong_is_in_sight(dashboard: Dashboard) -> None:
    """Not under the bar, which grows when it tells why nothing was saved."""
    tab = await dashboard.open(page_of("settings"), width=390)
    page = tab.page
    await expect(page.locator("#count")).to_have_text("No changes")
    await expect(page.locator("#count")).to_be_hidden()
    for name in ("Cooldown", "XP per reaction", "Multiplier"):
        wrong = page.get_by_label(name, exact=True)
        await wrong.fill("-1")
        await save(page)
        await expect(page.get_by_role("alert").filter(has_text="Not saved.")).to_be_visible()
        await expect(wrong).to_be_focused()
        inside = await wrong.evaluate(
            "e => { const { top, bottom } = e.getBoundingClientRect();"
            " return top >= 0 && bottom <= document.querySelector('.save-bar').getBoundingClientRect().top; }"
        )
        assert inside, name
        bar = page.locator(".save-bar > div").last
        assert await bar.evaluate("e => e.offsetHeight") < 844 / 6
        await wrong.fill("1")
        await page.keyboard.press("Tab")
    await tab.screenshot("dashboard-settings-phone-fault")


async def test_edits_outlive_the_session(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """Whoever logs out is asked; where the session ends by itself, what was typed is saved after the next log-in."""
    tab = await dashboard.open(page_of("settings"))
    page = tab.page
    page.on("dialog", lambda dialog: dialog.dismiss())
    cooldown = page.get_by_label("Cooldown", exact=True)
    await cooldown.fill("90")
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Log out").click()
    await expect(cooldown).to_have_value("90")

    await page.context.clear_cookies()
    await save(page)
    await expect(page.get_by_role("alert")).to_contain_text("You are logged out. Your changes are still here.")
    await expect(cooldown).to_have_value("90")
    await dashboard.log_in(tab, MALLORY)
    await save(page)
    await expect(page.get_by_role("alert")).to_contain_text("Not saved.")
    assert (await bot.get(LEVELING)).json()["revision"] == 0, "nothing is done as somebody else"
    await dashboard.log_in(tab, ADA)
    await save(page)
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    assert (await bot.get(LEVELING)).json()["values"]["cooldown_seconds"] == 90
    dashboard.assert_clean(tab, refused=(401, 403, 404))


async def test_one_of_hundreds_of_channels(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """Is found by its name; the help stays in sight, and so does what is ticked."""
    channels = [{"id": str(FIRST_OF_MANY + n), "name": f"channel-{n}", "position": n} for n in range(500)]
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/channels", json={"items": channels})).is_success
    tab = await dashboard.open(page_of("settings"))
    page = tab.page
    ignored = field(page, "ignored_channel_ids")
    search = ignored.get_by_label("Search in Ignored channels")
    await search.fill("L-49")
    await expect(ignored.get_by_role("checkbox")).to_have_count(11)
    await expect(ignored.get_by_text("Channels in which members earn no XP.")).to_be_in_viewport()
    await ignored.get_by_label("#channel-490", exact=True).check()
    await search.fill("channel-7")
    await expect(ignored.get_by_label("#channel-490", exact=True)).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="1 change not saved")).to_be_visible()
    await save(page)
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    assert (await bot.get(LEVELING)).json()["values"]["ignored_channel_ids"] == [str(FIRST_OF_MANY + 490)]
    dashboard.assert_clean(tab)


async def test_nothing_is_crushed(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    """A colour, and lists within lists, have room to be seen and used."""
    lists = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}, "default": [["one", "two"]]}
    colour = {"type": "string", "format": "color", "default": "#ff0000", "title": "Colour"}
    schema = {"type": "object", "properties": {"colour": colour, "lists": lists}, "additionalProperties": False}
    assert (await bot.put("/v1/modules/shapes", json={"schema": schema})).is_success
    for width in (1280, 390):
        tab = await dashboard.open(page_of("settings/shapes"), width=width)
        box = await tab.page.get_by_label("Colour", exact=True).bounding_box()
        assert box is not None
        assert box["height"] >= 32
        for place in range(2):
            box = await field(tab.page, "lists").get_by_role("textbox").nth(place).bounding_box()
            assert box is not None
            assert box["width"] >= 150
        await tab.screenshot(f"dashboard-settings-shapes-{width}")
