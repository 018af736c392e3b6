"""Changing settings in the form that is drawn from a module's schema."""

import re

import httpx2
from playwright.async_api import expect

from tests.dashboard.support import CHANNELS, Dashboard, field, page_of, save
from tests.support.people import HARBOUR

LEVELING = f"/v1/guilds/{HARBOUR}/settings/leveling"
GENERAL, QUIET = CHANNELS
HOSTILE = "<img src=x onerror=alert(1)> {{ value }} & more"
WELCOME = {
    "title": "Welcome <b>",
    "description": HOSTILE,
    "schema": {
        "type": "object",
        "properties": {
            "channel_id": {
                "type": ["string", "null"],
                "format": "snowflake",
                "x-ref": "channel",
                "default": None,
                "x-order": 2,
            },
            "text": {
                "type": "string",
                "title": HOSTILE,
                "description": HOSTILE,
                "default": "Hi",
                "maxLength": 40,
                "x-order": 1,
            },
            "colours": {"type": "array", "items": {"enum": ["red", "dark_blue"]}, "default": [], "x-group": "looks"},
            "shape": {
                "oneOf": [{"type": "integer", "title": "Edges"}, {"type": "string", "title": "Name"}],
                "default": 4,
            },
            "dm": {
                "type": "object",
                "properties": {"on": {"type": "boolean", "default": False}},
                "default": {"on": False},
                "additionalProperties": False,
            },
            "greetings": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 50},
                "default": {"de": "Moin"},
            },
            "odd/name~": {"type": "integer", "default": 1, "maximum": 9},
        },
        "additionalProperties": False,
    },
}


async def test_ada_sets_values_returns_one_to_its_default_and_brings_a_revision_back(
    dashboard: Dashboard, bot: httpx2.AsyncClient
) -> None:
    tab = await dashboard.open(page_of("settings"))
    page = tab.page
    cooldown, announce, curve = field(page, "cooldown_seconds"), field(page, "announce"), field(page, "curve")
    await expect(cooldown).to_contain_text("Default")
    await page.get_by_label("Cooldown", exact=True).fill("90")
    await announce.get_by_label("Where", exact=True).select_option("channel")
    await announce.get_by_label("Channel", exact=True).select_option(label="#quiet-corner")
    await curve.get_by_label("Curve", exact=True).select_option(label="Cost")
    await curve.get_by_role("button", name="Add item").click()
    await curve.get_by_label("Value", exact=True).fill("75")
    await field(page, "ignored_channel_ids").get_by_label("#general", exact=True).check()
    await field(page, "role_rewards").get_by_role("button", name="Add item").click()
    await field(page, "role_rewards").get_by_label("Level", exact=True).fill("3")
    await field(page, "role_rewards").get_by_label("Role", exact=True).select_option(label="@Regulars")
    await expect(page.get_by_role("status").filter(has_text="5 changes not saved")).to_be_visible()
    await page.get_by_label("Why (optional)", exact=True).fill("Größe")
    await tab.screenshot("dashboard-settings-changed")
    await save(page)
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    await expect(cooldown).to_contain_text("Set here")

    stored = (await bot.get(LEVELING)).json()
    assert stored["overridden"] == ["announce", "cooldown_seconds", "curve", "ignored_channel_ids", "role_rewards"]
    assert stored["values"]["announce"]["channel_id"] == QUIET
    assert stored["values"]["curve"] == {"kind": "cost", "coefficients": [75]}
    assert stored["values"]["ignored_channel_ids"] == [GENERAL]
    assert stored["values"]["role_rewards"][0]["level"] == 3
    before = (await bot.get(f"{LEVELING}/revisions")).json()["items"][0]
    assert before["reason"] == "Größe"
    assert before["after"]["announce"] == {"mode": "channel", "channel_id": QUIET}

    await page.get_by_role("button", name="Use the default of Cooldown").click()
    await expect(cooldown).to_contain_text("Default, not saved")
    await expect(page.get_by_label("Cooldown", exact=True)).to_have_value("60")
    await save(page)
    await expect(page.get_by_text("Saved, as revision 2.")).to_be_visible()
    assert "cooldown_seconds" not in (await bot.get(LEVELING)).json()["overridden"]

    await page.get_by_role("link", name="History").click()
    entries = page.get_by_role("main").get_by_role("list").first.locator("> li")
    await expect(entries).to_have_count(3)
    await expect(entries.nth(1)).to_contain_text("by you")
    await expect(entries.nth(1)).to_contain_text("Größe")
    await expect(entries.nth(0)).to_contain_text("Cooldown90 → 60")
    await tab.screenshot("dashboard-history")
    await page.get_by_role("button", name="Restore revision 1").click()
    await expect(page.get_by_text("Restored, as revision 3.")).to_be_visible()
    await expect(entries).to_have_count(4)
    assert (await bot.get(LEVELING)).json()["values"]["cooldown_seconds"] == 90
    await page.get_by_role("button", name="Restore all defaults").click()
    await expect(page.get_by_text("Restored, as revision 4.")).to_be_visible()
    assert (await bot.get(LEVELING)).json()["overridden"] == []
    dashboard.assert_clean(tab, refused=(422,))  # levels are asked for while a row of the curve is still empty


async def test_faults_are_shown_at_their_fields(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    tab = await dashboard.open(page_of("settings/leveling"))
    page = tab.page
    await page.get_by_label("Cooldown", exact=True).fill("99999999")
    await field(page, "announce").get_by_label("Text", exact=True).fill("{nobody} rises")
    await field(page, "announce").get_by_label("Where", exact=True).select_option("channel")
    await save(page)
    await expect(page.get_by_role("alert")).to_contain_text("Not saved. 3 values need another look")
    await expect(page.get_by_label("Cooldown", exact=True)).to_be_focused()
    await expect(page.get_by_label("Cooldown", exact=True)).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Cooldown", exact=True)).to_have_accessible_description(re.compile("86400"))
    await expect(field(page, "announce").get_by_label("Text", exact=True)).to_have_accessible_description(
        re.compile("{nobody}")
    )
    await expect(field(page, "announce").get_by_label("Channel", exact=True)).to_have_accessible_description(
        re.compile("is required")
    )
    await tab.screenshot("dashboard-errors")
    assert (await bot.get(LEVELING)).json()["revision"] == 0
    await page.get_by_role("button", name="Undo all").click()
    await expect(page.get_by_label("Cooldown", exact=True)).to_have_value("60")
    dashboard.assert_clean(tab, refused=(422,))


async def test_two_browsers_save_and_the_second_chooses(dashboard: Dashboard, bot: httpx2.AsyncClient) -> None:
    first, second = await dashboard.open(page_of("settings")), await dashboard.open(page_of("settings"))
    await first.page.get_by_label("Cooldown", exact=True).fill("90")
    await first.page.get_by_label("XP per reaction", exact=True).fill("5")
    await expect(first.page.get_by_text("Live", exact=True)).to_be_visible()
    await second.page.get_by_label("Cooldown", exact=True).fill("30")
    await second.page.get_by_label("XP per command", exact=True).fill("7")
    await save(second.page)
    await expect(second.page.get_by_text("Saved, as revision 1.")).to_be_visible()
    await expect(first.page.get_by_text("Somebody else has just changed these settings.")).to_be_visible()
    await expect(first.page.get_by_label("Cooldown", exact=True)).to_have_value("90")
    await save(first.page)
    dialog = first.page.get_by_role("dialog", name="Somebody else saved first")
    cooldown = dialog.get_by_role("group", name="Cooldown")
    await expect(cooldown).to_contain_text("Mine90Theirs30")
    await expect(dialog).to_contain_text("XP per command: 0 → 7")
    await first.screenshot("dashboard-conflict")
    await dialog.get_by_role("button", name="Go on editing").click()
    await expect(first.page.get_by_role("alert")).to_contain_text("Save again to compare")
    await save(first.page)
    await dialog.get_by_role("button", name="All theirs").click()
    await dialog.get_by_role("group", name="XP per reaction").get_by_role("radio").first.check()
    await dialog.get_by_role("button", name="Save what I chose").click()
    await expect(first.page.get_by_text("Saved, as revision 2.")).to_be_visible()
    values = (await bot.get(LEVELING)).json()["values"]
    assert (values["cooldown_seconds"], values["xp_per_reaction"], values["xp_per_command"]) == (30, 5, 7)
    # Where nothing is unsaved, another's change appears by itself.
    await expect(second.page.get_by_label("XP per reaction", exact=True)).to_have_value("5")

    await first.page.get_by_label("Cooldown", exact=True).fill("91")
    await bot.patch(LEVELING, json={"cooldown_seconds": 31})
    await save(first.page)
    await dialog.get_by_role("button", name="Save what I chose").click()
    await expect(first.page.get_by_text("Saved, as revision 4.")).to_be_visible()
    assert (await bot.get(LEVELING)).json()["values"]["cooldown_seconds"] == 91
    dashboard.assert_clean(first, refused=(412,))


async def test_the_module_of_a_bot_is_drawn_whatever_its_texts_say(
    dashboard: Dashboard, bot: httpx2.AsyncClient
) -> None:
    made = await bot.put("/v1/modules/welcome", json=WELCOME)
    assert made.status_code == 201, made.text
    tab = await dashboard.open(page_of("settings/welcome"))
    page = tab.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome <b>")
    await expect(field(page, "text")).to_contain_text(HOSTILE)
    await page.get_by_label(HOSTILE, exact=True).fill("Good day")
    await page.get_by_label("Channel id", exact=True).select_option(label="#general")
    await field(page, "colours").get_by_role("button", name="Add item").click()
    await field(page, "colours").get_by_role("combobox").select_option(label="Dark blue")
    await field(page, "shape").get_by_label("Shape", exact=True).select_option(label="Name")
    await field(page, "shape").get_by_role("textbox").fill("<star>")
    await page.get_by_label("On", exact=True).check()
    greetings = field(page, "greetings")
    await greetings.get_by_role("button", name="Add property").first.click()
    await page.get_by_role("dialog").get_by_role("textbox").fill("<b>fr")
    await page.get_by_role("dialog").get_by_role("button", name="Add property").click()
    await greetings.get_by_label("<b>fr", exact=True).fill("Salut")
    await page.get_by_label("Odd/name~", exact=True).fill("12")
    await save(page)
    await expect(page.get_by_label("Odd/name~", exact=True)).to_be_focused()
    await page.get_by_label("Odd/name~", exact=True).fill("8")
    await tab.screenshot("dashboard-module")
    await save(page)
    await expect(page.get_by_text("Saved, as revision 1.")).to_be_visible()
    stored = (await bot.get(f"/v1/guilds/{HARBOUR}/settings/welcome")).json()["values"]
    assert stored == {
        "text": "Good day",
        "channel_id": GENERAL,
        "colours": ["dark_blue"],
        "shape": "<star>",
        "dm": {"on": True},
        "greetings": {"de": "Moin", "<b>fr": "Salut"},
        "odd/name~": 8,
    }
    await greetings.get_by_role("button", name="Remove").last.click()
    await save(page)
    await expect(page.get_by_text("Saved, as revision 2.")).to_be_visible()
    stored = (await bot.get(f"/v1/guilds/{HARBOUR}/settings/welcome")).json()["values"]
    assert stored["greetings"] == {"de": "Moin"}
    # A reference to what is gone is shown, and kept.
    await bot.put(f"/v1/guilds/{HARBOUR}/channels", json={"items": [{"id": QUIET, "name": "quiet-corner"}]})
    await page.reload()
    await expect(page.get_by_text(f"the channel {GENERAL}")).to_be_visible()
    await expect(page.get_by_label("Channel id", exact=True)).to_have_value(GENERAL)
    await page.get_by_role("button", name="Use the default of Channel id").click()
    await save(page)
    await expect(page.get_by_text("Saved, as revision 3.")).to_be_visible()
    dashboard.assert_clean(tab, refused=(422,))
