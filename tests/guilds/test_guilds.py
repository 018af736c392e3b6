"""`/v1/guilds`: joined, changed, left, restored."""

import httpx

from tests.support.people import HARBOUR, NOBODYS, QUARRY


async def test_put_creates_then_changes_nothing_the_second_time(bot: httpx.AsyncClient) -> None:
    path = f"/v1/guilds/{NOBODYS}"
    body = {"name": "Lagoon", "owner_id": 9007199254740993, "timezone": "Europe/Berlin"}
    first = await bot.put(path, json=body)
    second = await bot.put(path, json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json() | {"created_at": 0, "updated_at": 0} == {
        "id": str(NOBODYS),
        "name": "Lagoon",
        "icon": None,
        "owner_id": "9007199254740993",
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        "created_at": 0,
        "updated_at": 0,
        "deleted_at": None,
    }


async def test_stranger_sees_nothing(mallory: httpx.AsyncClient, bot: httpx.AsyncClient) -> None:
    theirs = await mallory.get(f"/v1/guilds/{HARBOUR}")
    nobodys = await mallory.get(f"/v1/guilds/{NOBODYS}")
    assert theirs.status_code == nobodys.status_code == 404
    hide = {"instance": 0, "request_id": 0}
    assert theirs.json() | hide == nobodys.json() | hide
    assert [guild["id"] for guild in (await mallory.get("/v1/guilds")).json()["items"]] == [str(QUARRY)]
