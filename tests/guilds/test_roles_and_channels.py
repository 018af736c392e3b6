"""`…/roles` and `…/channels`: what a dashboard offers for selection, replaced as a whole."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.support.people import HARBOUR, QUARRY

ROLES, CHANNELS = f"/v1/guilds/{HARBOUR}/roles", f"/v1/guilds/{HARBOUR}/channels"
both = pytest.mark.parametrize("kind", ["roles", "channels"])


async def test_roles(bot: httpx2.AsyncClient) -> None:
    sent = [
        {"id": "30", "name": "c", "position": 1, "color": 0xFFFFFF},
        {"id": 20, "name": "b", "position": 5, "color": 0},
        {"id": 9223372036854775807, "name": "a"},
        {"id": "10", "name": "d", "position": 1},
    ]
    response = await bot.put(ROLES, json={"items": sent})
    assert response.status_code == 200
    assert (
        response.json()
        == (await bot.get(ROLES)).json()
        == {
            "items": [
                {"id": "20", "name": "b", "position": 5, "color": 0},
                {"id": "10", "name": "d", "position": 1, "color": 0},
                {"id": "30", "name": "c", "position": 1, "color": 0xFFFFFF},
                {"id": "9223372036854775807", "name": "a", "position": 0, "color": 0},
            ]
        }
    )


async def test_channels(bot: httpx2.AsyncClient) -> None:
    sent = [
        {"id": "30", "name": "c", "type": 2, "parent_id": 10, "position": 1},
        {"id": 10, "name": "b", "type": 4, "parent_id": None, "position": 0},
        {"id": "20", "name": "a"},
    ]
    response = await bot.put(CHANNELS, json={"items": sent})
    assert response.status_code == 200
    assert (
        response.json()
        == (await bot.get(CHANNELS)).json()
        == {
            "items": [
                {"id": "10", "name": "b", "type": 4, "parent_id": None, "position": 0},
                {"id": "20", "name": "a", "type": 0, "parent_id": None, "position": 0},
                {"id": "30", "name": "c", "type": 2, "parent_id": "10", "position": 1},
            ]
        }
    )


@both
async def test_replaced_as_a_whole(bot: httpx2.AsyncClient, kind: str) -> None:
    path, other = f"/v1/guilds/{HARBOUR}/{kind}", f"/v1/guilds/{QUARRY}/{kind}"
    assert (await bot.get(path)).json() == {"items": []}
    await bot.put(other, json={"items": [{"id": "1", "name": "theirs"}]})
    await bot.put(path, json={"items": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]})
    assert [i["name"] for i in (await bot.put(path, json={"items": [{"id": "2", "name": "x"}]})).json()["items"]] == [
        "x"
    ]
    second = await bot.put(path, json={"items": [{"id": "2", "name": "x"}]})
    assert second.status_code == 200
    assert (await bot.put(path, json={"items": []})).json() == {"items": []}
    assert [item["name"] for item in (await bot.get(other)).json()["items"]] == ["theirs"]
    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action={kind}.updated")).json()["items"]
    assert [sorted(entry["changes"]) for entry in log] == [["2"], ["1", "2"], ["1", "2"]]


@both
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/items"}),
        ({"items": None}, {"/items"}),
        ({"items": {}, "more": 1}, {"/items", "/more"}),
        ({"items": [1, {}]}, {"/items/0", "/items/1/id", "/items/1/name"}),
        ({"items": [{"id": "1", "name": "a"}] * 3}, {"/items/1/id", "/items/2/id"}),
        ({"items": [{"id": "1", "name": "a"}, {"id": 1, "name": "b"}]}, {"/items/1/id"}),
        (
            {"items": [{"id": "0", "name": "", "position": 2**31}]},
            {"/items/0/id", "/items/0/name", "/items/0/position"},
        ),
        ({"items": [{"id": "1", "name": "\u0958" * 60}]}, {"/items/0/name"}),
        ({"items": [{"id": "1", "name": "a", "x/y~": 1}]}, {"/items/0/x~1y~0"}),
        ({"items": [{"id": str(n), "name": "a"} for n in range(1, 1002)]}, {"/items"}),
    ],
)
async def test_what_is_refused(bot: httpx2.AsyncClient, kind: str, body: dict[str, Any], pointers: set[str]) -> None:
    path = f"/v1/guilds/{HARBOUR}/{kind}"
    await bot.put(path, json={"items": [{"id": "7", "name": "kept"}]})
    response = await bot.put(path, json=body)
    assert response.status_code == 422, response.text
    assert {fault["pointer"] for fault in response.json()["errors"]} == pointers
    assert [item["id"] for item in (await bot.get(path)).json()["items"]] == ["7"]


@both
async def test_a_thousand(bot: httpx2.AsyncClient, kind: str) -> None:
    items = [{"id": str(n), "name": "a" * 100, "position": -n} for n in range(1, 1001)]
    response = await bot.put(f"/v1/guilds/{HARBOUR}/{kind}", json={"items": items})
    assert len(response.json()["items"]) == 1000


@both
async def test_twenty_at_once_end_as_one_of_them(bot: httpx2.AsyncClient, kind: str) -> None:
    """Overlapping sets, in any order: no deadlock, and never a mixture."""
    path = f"/v1/guilds/{HARBOUR}/{kind}"
    sets = [[{"id": str(1 + (n * 7 + k) % 40), "name": f"{n}"} for k in range(20)] for n in range(20)]
    responses = await asyncio.gather(*(bot.put(path, json={"items": items}) for items in sets))
    assert {response.status_code for response in responses} == {200}
    found = (await bot.get(path)).json()["items"]
    names = {item["name"] for item in found}
    assert len(names) == 1
    assert {item["id"] for item in found} == {item["id"] for item in sets[int(names.pop())]}


async def test_a_roles_color_is_bounded(bot: httpx2.AsyncClient) -> None:
    for color in (-1, 0x1000000, "red", 1.5, None):
        response = await bot.put(ROLES, json={"items": [{"id": "1", "name": "a", "color": color}]})
        assert [fault["pointer"] for fault in response.json()["errors"]] == ["/items/0/color"], color
