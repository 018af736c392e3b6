"""What members are called: by hand, one or many at once."""

import json

import httpx2
import pytest

from api.auth.scopes import Scope
from api.postgres.engine import PlainConnection
from tests.members.people import Json, give, hide, member, profile
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, MALLORY, NOBODYS, QUARRY

NAMES = f"/v1/guilds/{HARBOUR}/members/names"
STILL = "0123456789abcdef0123456789abcdef"
MOVING = f"a_{STILL}"
AS_JSON = {"content-type": "application/json"}  # with escapes, for halves of surrogate pairs
UNKNOWN = {"username": None, "display_name": None, "avatar_url": None}


def called(found: Json) -> Json:
    """How an answer names somebody."""
    return {name: found[name] for name in UNKNOWN}


async def rename(client: httpx2.AsyncClient, user_id: int = ADA, **names: str | None) -> Json:
    response = await client.patch(member(user_id), json=names)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


async def test_a_merge_patch(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    assert called(await profile(bot)) == UNKNOWN
    found = await rename(bot, username="ada", display_name="Ada L.", avatar=STILL)
    assert found == await profile(bot)
    url = f"https://cdn.discordapp.com/avatars/{ADA}/{STILL}.png"
    assert called(found) == {"username": "ada", "display_name": "Ada L.", "avatar_url": url}
    found = await rename(bot, display_name=None, avatar=MOVING)
    url = f"https://cdn.discordapp.com/avatars/{ADA}/{MOVING}.gif"
    assert called(found) == {"username": "ada", "display_name": None, "avatar_url": url}
    assert called(await rename(bot, username=None, avatar=None)) == UNKNOWN
    assert called(await rename(bot)) == UNKNOWN


async def test_it_makes_the_member(bot: httpx2.AsyncClient) -> None:
    found = await rename(bot, BO, username="bo")
    assert (found["xp"], found["rank"], found["member_count"], found["username"]) == (0, 1, 1, "bo")
    assert (await bot.patch(member(BO, NOBODYS), json={})).status_code == 404


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("\u202eada\x00", "ada"),
        (" \n ", None),
        ("", None),
        ("\ud83d", None),
        ("x\udc00", "x"),
        ("\u200b\ufe0f", None),
        ("é" * 101, "é" * 100),
        ("e\u0301" * 100, "é" * 100),
        ("\x00" * 2000, None),
        (f"{'x' * 99} y", "x" * 99),
    ],
)
async def test_a_name_is_cleaned(sent: str, kept: str | None, bot: httpx2.AsyncClient) -> None:
    await rename(bot, username="ada", display_name="before")
    patched = await bot.patch(member(), content=json.dumps({"display_name": sent}), headers=AS_JSON)
    assert patched.json()["display_name"] == kept
    await rename(bot, display_name="before")
    items = json.dumps({"items": [{"user_id": str(ADA), "display_name": sent}]})
    put = await bot.put(NAMES, content=items, headers=AS_JSON)
    assert put.json() == {"updated": 1, "unchanged": 0, "unknown": 0}
    found = await profile(bot)
    assert (found["username"], found["display_name"]) == ("ada", kept)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"avatar": "x"}, "/avatar"),
        ({"avatar": f"{STILL}\n"}, "/avatar"),
        ({"avatar": f"https://cdn.discordapp.com/{STILL}"}, "/avatar"),
        ({"username": 5}, "/username"),
        ({"display_name": ["a"]}, "/display_name"),
        ({"nick": "a"}, "/nick"),
    ],
)
async def test_what_is_no_name(body: Json, pointer: str, bot: httpx2.AsyncClient) -> None:
    refused = await bot.patch(member(), json=body)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
    refused = await bot.put(NAMES, json={"items": [{"user_id": "5"}, {"user_id": str(ADA), **body}]})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [f"/items/1{pointer}"]


async def test_many_at_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 1)
    await give(bot, BO, 2)
    await give(bot, MALLORY, 3, QUARRY)
    items = [
        {"user_id": str(ADA), "username": "ada", "display_name": "Ada", "avatar": STILL},
        {"user_id": BO, "username": "bo"},
        {"user_id": str(MALLORY), "username": "mallory"},
    ]
    assert (await bot.put(NAMES, json={"items": items})).json() == {"updated": 2, "unchanged": 0, "unknown": 1}
    assert (await bot.put(NAMES, json={"items": items})).json() == {"updated": 0, "unchanged": 2, "unknown": 1}
    assert (await profile(bot, BO))["username"] == "bo"
    assert await owner.fetchval("SELECT count(*) FROM member_names") == 2
    items[1] = {"user_id": str(BO), "username": None}
    assert (await bot.put(NAMES, json={"items": items})).json() == {"updated": 1, "unchanged": 1, "unknown": 1}
    assert await owner.fetchval("SELECT count(*) FROM member_names") == 1


async def test_how_many_and_whom(bot: httpx2.AsyncClient) -> None:
    for items in ([], [{"user_id": str(1 + n)} for n in range(1001)], [{"username": "ada"}]):
        assert (await bot.put(NAMES, json={"items": items})).status_code == 422
    most = await bot.put(NAMES, json={"items": [{"user_id": str(1 + n)} for n in range(1000)]})
    assert most.json() == {"updated": 0, "unchanged": 0, "unknown": 1000}
    twice = await bot.put(NAMES, json={"items": [{"user_id": "7"}, {"user_id": 7}]})
    assert [fault["pointer"] for fault in twice.json()["errors"]] == ["/items/1/user_id"]


async def test_preconditions(bot: httpx2.AsyncClient) -> None:
    unless_there = {"If-None-Match": "*"}
    assert (await bot.patch(member(), json={}, headers={"If-Match": '"x"'})).status_code == 412
    assert (await bot.patch(member(), json={"username": "ada"}, headers=unless_there)).status_code == 200
    assert (await bot.patch(member(), json={"username": "bo"}, headers=unless_there)).status_code == 412
    tag = (await bot.get(member())).headers["etag"]
    changed = await bot.patch(member(), json={"username": "bo"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] == (await bot.get(member())).headers["etag"] != tag
    assert (await bot.patch(member(), json={}, headers={"If-Match": tag})).status_code == 412


async def test_of_someone_who_has_opted_out_nothing_is_kept(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await rename(bot, username="before")
    await bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": "public", "opt_out": True})
    assert (await rename(bot, username="after", avatar=STILL))["username"] == "before"
    put = await bot.put(NAMES, json={"items": [{"user_id": str(ADA), "username": "after"}]})
    assert put.json() == {"updated": 0, "unchanged": 1, "unknown": 0}
    assert await owner.fetchval("SELECT array_agg(username) FROM member_names") == ["before"]


async def test_someone_who_has_opted_out_can_be_forgotten(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """What is stored of them can be cleared, and nothing new is stored with it."""
    await rename(bot, username="ada", display_name="Ada", avatar=STILL)
    await bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": "public", "opt_out": True})
    found = await rename(bot, username="after", display_name=None)
    assert (found["username"], found["display_name"]) == ("ada", None)
    item = {"user_id": str(ADA), "username": None, "display_name": "After", "avatar": None}
    for updated in (1, 0):
        put = await bot.put(NAMES, json={"items": [item]})
        assert put.json() == {"updated": updated, "unchanged": 1 - updated, "unknown": 0}
    assert await owner.fetchval("SELECT count(*) FROM member_names") == 0


async def test_who_may(bot: httpx2.AsyncClient, reader: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 1)
    items = {"items": [{"user_id": str(ADA)}]}
    assert (await reader.patch(member(), json={})).status_code == 403
    assert (await reader.put(NAMES, json=items)).status_code == 403
    assert (await mallory.patch(member(), json={})).status_code == 404
    assert (await mallory.put(NAMES, json=items)).status_code == 404
    assert (await bot.get(NAMES)).status_code == 405


async def test_a_guild_s_bot_names_hidden_people_too(
    bot: httpx2.AsyncClient, owner: PlainConnection, clients: Clients
) -> None:
    await give(bot, ADA, 1)
    await hide(owner, ADA)
    assert (await rename(bot, username="ada"))["rank"] is None
    async with await clients.bot(scopes=[Scope.MEMBERS_READ]) as reader:
        assert (await reader.get(member())).status_code == 404


async def test_the_audit_log_says_what_changed_and_no_names(bot: httpx2.AsyncClient) -> None:
    await rename(bot, username="ada", avatar=STILL)
    await rename(bot, username="ada")
    await bot.put(NAMES, json={"items": [{"user_id": str(ADA), "username": "bo"}]})
    await bot.put(NAMES, json={"items": [{"user_id": str(ADA), "username": "bo"}]})
    found = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"]
    entries = [(each["action"], each["target"], each["changes"]) for each in found if "name" in each["action"]]
    assert entries == [
        ("names.updated", None, {"updated": {"before": None, "after": 1}}),
        ("member.renamed", str(ADA), {"names": {"before": None, "after": ["username", "avatar"]}}),
    ]


async def test_names_go_with_the_member(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await rename(bot, username="ada")
    await rename(bot, BO, username="bo")
    erased = await bot.delete(f"/v1/users/{ADA}")
    assert erased.json()["guilds"] == 1
    assert await owner.fetchval("SELECT array_agg(username) FROM member_names") == ["bo"]
    await give(bot, ADA, 1)
    assert called(await profile(bot)) == UNKNOWN
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"on_leave": "reset"})
    await bot.delete(member(BO))
    assert await owner.fetchval("SELECT count(*) FROM member_names") == 0


async def test_a_person_s_export_has_them(bot: httpx2.AsyncClient) -> None:
    await rename(bot, username="ada", display_name="Ada")
    stored = (await bot.get(f"/v1/users/{ADA}/export")).json()["stored"]
    assert stored["member_names"] == [
        {"guild_id": str(HARBOUR), "username": "ada", "display_name": "Ada", "avatar": None}
    ]
