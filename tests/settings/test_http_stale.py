"""Settings that point at a role or channel which is gone are kept, and listed."""

import httpx2
import pytest

from api.lib.json import JsonObject
from tests.settings.addresses import register, settings_of
from tests.support.people import HARBOUR

ROLES, CHANNELS = f"/v1/guilds/{HARBOUR}/roles", f"/v1/guilds/{HARBOUR}/channels"


async def send(bot: httpx2.AsyncClient, path: str, *ids: int) -> None:
    response = await bot.put(path, json={"items": [{"id": id_, "name": f"n{id_}"} for id_ in ids]})
    assert response.status_code == 200, response.text


async def stale(bot: httpx2.AsyncClient, module: str = "leveling") -> list[JsonObject]:
    found: list[JsonObject] = (await bot.get(settings_of(module))).json()["stale_references"]
    return found


async def test_gone_and_back(bot: httpx2.AsyncClient) -> None:
    await send(bot, ROLES, 3, 2, 1)  # rows numbered otherwise than they are named
    await send(bot, CHANNELS, 7, 5)
    patch = {
        "ignored_role_ids": ["1", "2"],
        "role_multipliers": [{"role_id": "2", "factor": 2}],
        "announce": {"mode": "channel", "channel_id": "5"},
    }
    patched = (await bot.patch(settings_of(), json=patch)).json()
    assert patched["stale_references"] == await stale(bot) == []
    await send(bot, ROLES, 1)
    gone = [
        {"pointer": "/ignored_role_ids/1", "kind": "role", "id": "2"},
        {"pointer": "/role_multipliers/0/role_id", "kind": "role", "id": "2"},
    ]
    assert await stale(bot) == gone
    await send(bot, CHANNELS)
    channel = {"pointer": "/announce/channel_id", "kind": "channel", "id": "5"}
    assert await stale(bot) == [channel, *gone]
    kept = (await bot.get(settings_of())).json()
    assert kept["values"] == patched["values"]
    assert kept["revision"] == 1
    await send(bot, ROLES, 1, 2)
    assert await stale(bot) == [channel]
    assert (await bot.patch(settings_of(), json={"max_level": 3})).json()["stale_references"] == [channel]


async def test_the_tag_changes_when_a_role_is_gone(bot: httpx2.AsyncClient) -> None:
    await send(bot, ROLES, 1)
    tag = (await bot.patch(settings_of(), json={"ignored_role_ids": ["1"]})).headers["etag"]
    await send(bot, ROLES)
    assert (await bot.get(settings_of(), headers={"If-None-Match": tag})).status_code == 200
    assert (await bot.patch(settings_of(), json={"max_level": 3}, headers={"If-Match": tag})).status_code == 412


@pytest.mark.parametrize("sent", [ROLES, CHANNELS])
async def test_of_what_was_never_sent_nothing_is_gone(bot: httpx2.AsyncClient, sent: str) -> None:
    patch = {"ignored_role_ids": ["1"], "ignored_channel_ids": ["2"]}
    assert (await bot.patch(settings_of(), json=patch)).json()["stale_references"] == []
    await send(bot, sent)
    assert [reference["kind"] for reference in await stale(bot)] == [sent.rpartition("/")[2].removesuffix("s")]


async def test_of_a_registered_module(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    await send(bot, ROLES)
    await send(bot, CHANNELS)
    patch = {
        "role_id": 7,
        "friend_id": 8,
        "card": {"channel_id": 9},
        "rows": [{"role_id": 10}],
        "free": {"role_id": "11"},
    }
    assert (await bot.patch(settings_of("welcome"), json=patch)).status_code == 200
    assert await stale(bot, "welcome") == [
        {"pointer": "/card/channel_id", "kind": "channel", "id": "9"},
        {"pointer": "/role_id", "kind": "role", "id": "7"},
        {"pointer": "/rows/0/role_id", "kind": "role", "id": "10"},
    ]


async def test_another_guilds_role_is_gone(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    quarry = (await mallory.get("/v1/guilds")).json()["items"][0]["id"]
    assert (await mallory.put(f"/v1/guilds/{quarry}/roles", json={"items": [{"id": 1, "name": "x"}]})).is_success
    await send(bot, ROLES, 2)
    await bot.patch(settings_of(), json={"ignored_role_ids": ["1", "2"]})
    assert [reference["id"] for reference in await stale(bot)] == ["1"]
