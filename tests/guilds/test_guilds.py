"""`/v1/guilds`: joined, changed; created once however often and however fast it is sent."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.support.people import HARBOUR, NOBODYS, QUARRY

PATH = f"/v1/guilds/{NOBODYS}"
HARBOUR_PATH = f"/v1/guilds/{HARBOUR}"
WHOLE = {"name": "Lagoon", "icon": "a1", "owner_id": "9007199254740993", "locale": "de", "timezone": "Europe/Berlin"}
BAD_OWNERS: list[object] = [
    "abc", "0", 0, -5, "007", "1_0", "٣", " 1", "1\n", "", 1.5, 2**63, str(2**63), 10**30, [], False,
]  # fmt: skip
FIRST = {"icon": None, "owner_id": None, "locale": "en-US", "timezone": "UTC"}


async def test_put_creates_then_changes_nothing_the_second_time(bot: httpx2.AsyncClient) -> None:
    body = {"name": "Lagoon", "owner_id": 9007199254740993, "timezone": "Europe/Berlin"}
    first = await bot.put(PATH, json=body)
    second = await bot.put(PATH, json=body)
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
    assert first.json()["created_at"].endswith("Z")
    log = (await bot.get(f"{PATH}/audit-log")).json()["items"]
    assert [entry["action"] for entry in log] == ["guild.created"]


async def test_what_is_absent_stays(bot: httpx2.AsyncClient) -> None:
    await bot.put(PATH, json=WHOLE)
    assert (await bot.put(PATH, json={"name": "Reef"})).json().items() >= (WHOLE | {"name": "Reef"}).items()
    assert (await bot.patch(PATH, json={"icon": "b2"})).json().items() >= (
        WHOLE | {"name": "Reef", "icon": "b2"}
    ).items()
    before = (await bot.get(PATH)).json()
    assert (await bot.patch(PATH, json={})).json() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_null_is_the_first_value(bot: httpx2.AsyncClient, method: str) -> None:
    await bot.put(PATH, json=WHOLE)
    body = dict.fromkeys(FIRST) | {"name": "Lagoon"}
    response = await bot.request(method, PATH, json=body)
    assert response.json().items() >= FIRST.items()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"name": None}, {"/name"}),
        ({"name": ""}, {"/name"}),
        ({"name": "x" * 101}, {"/name"}),
        ({"name": "\u0958" * 100}, {"/name"}),  # 100 characters that are 200 in composed form
        ({"name": 5, "icon": [], "owner_id": True, "locale": {}, "timezone": 0}, {f"/{member}" for member in WHOLE}),
        ({"name": "x", "icon": "", "more": 1}, {"/icon", "/more"}),
        ({"name": "x", "icon": "x" * 256}, {"/icon"}),
        ({"name": "x", "locale": "english language"}, {"/locale"}),
        ({"name": "x", "locale": "en\n"}, {"/locale"}),
        ({"name": "x", "timezone": "Europe/Atlantis"}, {"/timezone"}),
        ({"name": "x", "timezone": "../etc/passwd"}, {"/timezone"}),
        ({"name": "x", "timezone": "localtime"}, {"/timezone"}),
        ({"name": "x", "owner_id": "9999999999999999999", "icon": 1}, {"/owner_id", "/icon"}),
        *[({"name": "x", "owner_id": bad}, {"/owner_id"}) for bad in BAD_OWNERS],
    ],
)
async def test_what_is_refused(bot: httpx2.AsyncClient, method: str, body: dict[str, Any], pointers: set[str]) -> None:
    before = (await bot.get(HARBOUR_PATH)).json()
    response = await bot.request(method, HARBOUR_PATH, json=body)
    assert response.status_code == 422, response.text
    assert {fault["pointer"] for fault in response.json()["errors"]} == pointers
    assert (await bot.get(HARBOUR_PATH)).json() == before


async def test_ids_at_their_bounds(bot: httpx2.AsyncClient) -> None:
    for id_ in (1, 2**63 - 1):
        response = await bot.put(f"/v1/guilds/{id_}", json={"name": "x", "owner_id": id_})
        assert (response.status_code, response.json()["id"]) == (201, str(id_))
        assert response.json()["owner_id"] == str(id_)


async def test_text_is_stored_composed(bot: httpx2.AsyncClient) -> None:
    response = await bot.put(HARBOUR_PATH, json={"name": "Cafe\u0301 🎲"})
    assert response.json()["name"] == "Caf\u00e9 🎲"


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/merge-patch+json", "application/JSON; charset=UTF-8"]
)
async def test_both_media_types_of_a_patch(bot: httpx2.AsyncClient, media_type: str) -> None:
    response = await bot.patch(HARBOUR_PATH, content=b'{"icon": "c3"}', headers={"Content-Type": media_type})
    assert (response.status_code, response.json()["icon"]) == (200, "c3")
    refused = await bot.put(
        HARBOUR_PATH, content=b'{"name": "x"}', headers={"Content-Type": "application/merge-patch+json"}
    )
    assert refused.status_code == 415


async def test_created_once_by_twenty(bot: httpx2.AsyncClient) -> None:
    responses = await asyncio.gather(*(bot.put(PATH, json={"name": f"n{n}"}) for n in range(20)))
    assert sorted(response.status_code for response in responses) == [200] * 19 + [201]
    log = (await bot.get(f"{PATH}/audit-log?action=guild.created")).json()["items"]
    assert len(log) == 1
    last = (await bot.get(f"{PATH}/audit-log?limit=1")).json()["items"][0]
    assert (await bot.get(PATH)).json()["name"] == last["changes"]["name"]["after"]


async def test_twenty_patches_lose_nothing(bot: httpx2.AsyncClient) -> None:
    """Each sets one member; none takes another's back."""
    members = [{"icon": "z9"}, {"owner_id": "7"}, {"locale": "fr"}, {"timezone": "Asia/Tokyo"}]
    responses = await asyncio.gather(*(bot.patch(HARBOUR_PATH, json=members[n % 4]) for n in range(20)))
    assert {response.status_code for response in responses} == {200}
    merged = members[0] | members[1] | members[2] | members[3]
    assert (await bot.get(HARBOUR_PATH)).json().items() >= merged.items()


async def test_a_list_shows_only_ones_own(
    mallory: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, bot: httpx2.AsyncClient
) -> None:
    async def ids(client: httpx2.AsyncClient) -> list[str]:
        return [guild["id"] for guild in (await client.get("/v1/guilds")).json()["items"]]

    assert await ids(mallory) == [str(QUARRY)]
    assert await ids(harbour_bot) == [str(HARBOUR)]
    assert await ids(bot) == [str(HARBOUR), str(QUARRY)]


async def test_a_key_with_a_list_joins_no_other_guild(harbour_bot: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    assert (await harbour_bot.put(PATH, json={"name": "Lagoon"})).status_code == 404
    assert (await harbour_bot.post(f"/v1/guilds/{QUARRY}/restore")).status_code == 404
    assert (await bot.get(PATH)).status_code == 404
