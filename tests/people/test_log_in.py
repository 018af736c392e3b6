"""Logging in by Discord, and out."""

from tests.support.browsers import Browsers
from tests.support.discord import Discord
from tests.support.people import ADA, HARBOUR


async def test_ada_logs_in_changes_a_setting_and_logs_out(browsers: Browsers, discord: Discord) -> None:
    ada = await browsers.log_in(ADA)
    me = (await ada.get("/v1/me")).json()
    assert (me["id"], me["username"], me["display_name"]) == (str(ADA), "ada", "Ada")
    mine = (await ada.get("/v1/me/guilds")).json()
    assert [(guild["id"], guild["is_owner"], guild["is_here"]) for guild in mine["items"]] == [
        (str(HARBOUR), True, True)
    ]
    changed = await ada.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 7})
    assert changed.status_code == 200, changed.text
    entry = (await ada.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"][0]
    assert entry["actor"] == {"kind": "user", "id": str(ADA)}
    assert len(discord.grants) == 1
    left = await ada.post("/auth/logout")
    assert left.status_code == 204, left.text
    assert discord.grants == []
    assert (await ada.get("/v1/me")).status_code == 401
