"""A person's dry run tells somebody hidden no more than somebody unknown, whatever the file is."""

import json
from collections.abc import Mapping

import httpx2
import pytest

from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.imports.files import Json, event, imported, lines
from tests.support.browsers import Browsers
from tests.support.discord import Discord, Member
from tests.support.people import ADA, BO, HARBOUR

WRITERS, NOBODY = 800, 714
MEMBER = f"/v1/guilds/{HARBOUR}/members/{BO}"

_DAY = {"user_id": str(BO), "xp": 5, "messages": 2}
_AWARD = {"achievement": "chatterbox", "user_id": str(BO), "name": "x", "awarded_at": "2026-11-01T00:00:00Z"}
FILES = {
    "csv": f"user_id,xp,level,messages\n{BO},5,,3\n{ADA},7,,3\n{BO},0,,0\n".encode(),
    "csv of a level": f"user_id,level\n{BO},3\n".encode(),
    "csv of nothing": f"user_id,xp\n{BO},0\n".encode(),
    "polaris": json.dumps({"users": {str(BO): {"xp": 500, "hidden": False}}}).encode(),
    "guildhall": lines(
        {"guildhall": 1},
        {"member": {"user_id": str(BO), "xp": 500, "custom_stats": {"wins": 3}}},
        {"day": {"day": "2026-11-01", **_DAY}},
        {"hour": {"hour": "2026-11-01T07:00:00Z", **_DAY}},
        {"stat_day": {"stat": "wins", "day": "2026-11-01", "user_id": str(BO), "value": 3}},
        {"award": _AWARD},
    ),
    "events": lines(event(1, "2026-11-01T00:00:00Z", BO), event(2, "2026-11-01T00:00:00Z", ADA)),
}


@pytest.fixture
async def callers(browsers: Browsers, discord: Discord, bot: httpx2.AsyncClient) -> Mapping[str, httpx2.AsyncClient]:
    await bot.put(f"/v1/guilds/{HARBOUR}/settings/privacy", json={"writer_role_ids": [str(WRITERS)]})
    discord.members[HARBOUR] |= {BO: Member(roles=[WRITERS])}
    return {"a manager": await browsers.log_in(ADA), "themselves": await browsers.log_in(BO)}


async def tried(caller: httpx2.AsyncClient, source: str, user_id: int, mode: str) -> Json:
    file = FILES[source].replace(str(BO).encode(), str(user_id).encode())
    if source == "events":  # which have no mode
        return await imported(caller, source, file, dry_run=True)
    return await imported(caller, source.split()[0], file, dry_run=True, mode=mode)


def shown(done: Json, user_id: int) -> str:
    """All that is shown of an import, without its id and the person's."""
    members = {name: done[name] for name in ("status", "counts", "refused", "preview")}
    return json.dumps(members).replace(f'"{user_id}"', '"?"')


MODES = {"events": ("set",), "polaris": ("set",)}  # events have none; what Polaris exports is counted like a CSV
TRIED = [(source, mode) for source in FILES for mode in MODES.get(source, ("set", "add", "max"))]


@pytest.mark.parametrize(("source", "mode"), TRIED)
async def test_a_dry_run_shows_somebody_hidden_as_somebody_unknown(
    bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient], source: str, mode: str
) -> None:
    await define(bot, draft(gte=1))
    await record(bot, message("1", user=BO), message("2", user=ADA))
    await bot.post(f"{MEMBER}/xp", json={"set": 500})
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden", "opt_out": False})
    before = (await bot.get(MEMBER)).json()
    for name, caller in callers.items():
        hidden, unknown = await tried(caller, source, BO, mode), await tried(caller, source, NOBODY, mode)
        assert (hidden["status"], hidden["refused"]) == ("finished", [])
        if name == "a manager":
            assert shown(hidden, BO) == shown(unknown, NOBODY)
        else:
            assert source == "csv of nothing" or shown(hidden, BO) != shown(unknown, NOBODY)
        assert shown((await caller.get(f"/v1/imports/{hidden['id']}")).json(), BO) == shown(hidden, BO)
    assert (await bot.get(MEMBER)).json() == before
