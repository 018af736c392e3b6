"""A refusal says at once what is wrong and what to do."""

import httpx2
import pytest

from tests.support.clients import Clients
from tests.support.people import ADA, HARBOUR, NOBODYS

CONDITION = {"key": "talker", "name": "Talker", "condition": {"all": [{"stat": "messages", "gt": 5}]}}


async def refused(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


async def test_the_first_fault_is_the_detail(bot: httpx2.AsyncClient) -> None:
    one = await bot.patch(f"/v1/guilds/{HARBOUR}", json={"name": 1})
    assert await refused(one, 422) == "`/name` is not of type string."
    query = await bot.get("/v1/guilds?limit=0")
    assert (await refused(query, 422)).startswith("`limit`: expected ")
    two = await bot.patch(f"/v1/guilds/{HARBOUR}", json={"name": 1, "icon": 1})
    assert (await refused(two, 422)).endswith(" There is one more fault in `errors`.")
    many = await bot.patch(f"/v1/guilds/{HARBOUR}", json={"name": 1, "icon": 1, "a": 1, "b": 1})
    assert (await refused(many, 422)).endswith(" There are 3 more faults in `errors`.")
    whole = await bot.post(f"/v1/guilds/{HARBOUR}/activity", json=[])
    assert await refused(whole, 422) == "The body is not of type object."


async def test_a_member_that_is_nearly_one_is_named(bot: httpx2.AsyncClient) -> None:
    answer = await bot.post(f"/v1/guilds/{HARBOUR}/achievements", json=CONDITION)
    messages = {fault["pointer"]: fault["message"] for fault in answer.json()["errors"]}
    assert messages["/condition/all/0/gt"] == "is not a known member: `gte`?"
    far = await bot.patch(f"/v1/guilds/{HARBOUR}", json={"zzzzzz": 1})
    assert far.json()["errors"] == [{"pointer": "/zzzzzz", "message": "is not a known member"}]


async def test_choices_are_listed(bot: httpx2.AsyncClient) -> None:
    answer = await bot.post("/v1/keys", json={"name": "a", "scopes": ["settings:reed"]})
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/scopes/0"
    assert "settings:read" in fault["message"]
    assert "guilds:write" in fault["message"]


@pytest.mark.parametrize("path", ["activity", "members/5/xp"])
async def test_who_sees_all_guilds_learns_how_to_make_one(bot: httpx2.AsyncClient, clients: Clients, path: str) -> None:
    sentence = await refused(await bot.post(f"/v1/guilds/{NOBODYS}/{path}", json={}), 404)
    assert sentence == f"There is no guild {NOBODYS} here yet. Send `PUT /v1/guilds/{NOBODYS}` first."
    async with await clients.bot(guilds=[HARBOUR]) as some:
        other = await refused(await some.post(f"/v1/guilds/{NOBODYS}/{path}", json={}), 404)
    assert other == "It does not exist, or this credential may not see it."
    assert await refused(await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}"), 404) == other


async def test_a_private_address_names_the_setting(bot: httpx2.AsyncClient) -> None:
    answer = await bot.post(
        f"/v1/guilds/{HARBOUR}/webhooks", json={"url": "http://127.0.0.1/", "types": ["guild.updated"]}
    )
    (fault,) = answer.json()["errors"]
    assert "GUILDHALL_WEBHOOK_PRIVATE_ADDRESSES" in fault["message"]
