"""What no achievement can be: refused with a pointer, and nothing stored."""

import asyncio
from typing import Any

import httpx2

from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, define, draft
from tests.support.people import HARBOUR

LEAF = {"stat": "messages", "gte": 1}


def nested(groups: int) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = LEAF
    for _ in range(groups):
        found = {"all": [found]}
    return found


CONDITIONS = {
    "nothing": ({}, "/condition"),
    "unknown operator": ({"not": LEAF}, "/condition/not"),
    "unknown comparison": ({"stat": "messages", "lte": 5}, "/condition/lte"),
    "no stat": ({"all": [{"stat": "Messages!", "gte": 1}]}, "/condition/all/0/stat"),
    "no threshold": ({"any": [LEAF, {"stat": "messages"}]}, "/condition/any/1/gte"),
    "no stat beside it": ({"gte": 1}, "/condition/stat"),
    "negative": ({"stat": "messages", "gte": -1}, "/condition/gte"),
    "always": ({"stat": "messages", "gte": 0}, "/condition/gte"),
    "too large": ({"stat": "messages", "gte": 2**63}, "/condition/gte"),
    "far too large": ({"stat": "messages", "gte": 10**399}, "/condition/gte"),
    "a fraction": ({"stat": "messages", "gte": 1.5}, "/condition/gte"),
    "a text": ({"stat": "messages", "gte": "1"}, "/condition/gte"),
    "empty": ({"all": []}, "/condition/all"),
    "both groups": ({"all": [LEAF], "any": [LEAF]}, "/condition"),
    "group and comparison": ({"all": [{"any": [LEAF], "stat": "xp", "gte": 1}]}, "/condition/all/0"),
    "threshold of a group": ({"all": [LEAF], "gte": 1}, "/condition/gte"),
    "window of a level": ({"stat": "level", "gte": 1, "within": "7d"}, "/condition/within"),
    "window of a streak": ({"stat": "streak", "gte": 1, "within": "7d"}, "/condition/within"),
    "window of xp": ({"stat": "xp", "gte": 1, "within": "7d"}, "/condition/within"),
    "no days": ({"stat": "messages", "gte": 1, "within": "0d"}, "/condition/within"),
    "too many days": ({"stat": "messages", "gte": 1, "within": "367d"}, "/condition/within"),
    "weeks": ({"stat": "messages", "gte": 1, "within": "2w"}, "/condition/within"),
    "more xp than there is": ({"any": [{"stat": "xp", "gte": 2**53 + 1}, LEAF]}, "/condition/any/0/gte"),
    "above the top": ({"stat": "level", "gte": 1001}, "/condition/gte"),
    "five groups": (nested(5), "/condition/all/0/all/0/all/0/all/0"),
    "21 comparisons": ({"any": [LEAF] * 21}, "/condition/any"),
    "40 comparisons": ({"all": [{"any": [LEAF] * 20}, {"any": [LEAF] * 20}]}, "/condition"),
    "10,000 comparisons": ({"all": [{"any": [LEAF] * 1000}] * 10}, "/condition/all/0/any"),
    "a list": ([LEAF], "/condition"),
    "null": (None, "/condition"),
}


async def stored(owner: PlainConnection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM achievements"))


async def test_conditions_that_are_none(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft("there"))
    for name, (condition, pointer) in CONDITIONS.items():
        for answer in (
            await bot.post(OF_HARBOUR, json=draft(condition=condition)),
            await bot.patch(f"{OF_HARBOUR}/there", json={"condition": condition}),
            await bot.post(f"{OF_HARBOUR}/simulate", json={"condition": condition}),
        ):
            assert answer.status_code == 422, (name, answer.text)
            assert pointer in [fault["pointer"] for fault in answer.json()["errors"]], (name, answer.text)
    assert await stored(owner) == 1


async def test_a_thousand_groups(bot: httpx2.AsyncClient) -> None:
    condition = b'{"all":[' * 1000 + b'{"stat":"messages","gte":1}' + b"]}" * 1000
    body = b'{"key":"deep","name":"Deep","condition":%s}' % condition
    answer = await bot.post(OF_HARBOUR, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/condition"]


async def test_what_is_just_possible(bot: httpx2.AsyncClient) -> None:
    for number, condition in enumerate(
        (
            nested(4),
            {"any": [LEAF] * 20},
            {"stat": "messages", "gte": 2**63 - 1},
            {"stat": "a_stat_of_ours", "gte": 1, "within": "366d"},
            {"stat": "level", "gte": 1000},
        )
    ):
        answer = await bot.post(OF_HARBOUR, json=draft(f"k{number}", condition=condition))
        assert answer.status_code == 201, answer.text
        assert answer.json()["condition"] == condition


async def test_a_level_above_the_guilds_own_top(bot: httpx2.AsyncClient) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 50})
    high = draft(stat="level", gte=51)
    refused = await bot.post(OF_HARBOUR, json=high)
    assert refused.json()["errors"][0]["pointer"] == "/condition/gte"
    assert (await bot.post(OF_ALL, json=high)).status_code == 201


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"key": "Chatter"}, "/key"),
    ({"key": "simulate"}, "/key"),
    ({"key": "restore"}, "/key"),
    ({"key": "x" * 65}, "/key"),
    ({"key": "a\n"}, "/key"),
    ({"name": ""}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"name": "a\u0000b"}, "/name"),
    ({"description": "x\u0000"}, "/description"),
    ({"rewards": {"xp": -1}}, "/rewards/xp"),
    ({"rewards": {"xp": 2**53 + 1}}, "/rewards/xp"),
    ({"rewards": {"xp": 2**63}}, "/rewards/xp"),
    ({"rewards": {"role_id": "0"}}, "/rewards/role_id"),
    ({"rewards": {"gold": 1}}, "/rewards/gold"),
    ({"colour": "red"}, "/colour"),
    ({"prerequisites": ["nothing"]}, "/prerequisites/0"),
    ({"prerequisites": ["chatterbox"]}, "/prerequisites/0"),
    ({"prerequisites": ["there", "there"]}, "/prerequisites/1"),
    ({"prerequisites": ["Not a key"]}, "/prerequisites/0"),
]


async def test_other_members(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("there"))
    for more, pointer in OTHERS:
        answer = await bot.post(OF_HARBOUR, json={**draft(), **more})
        assert answer.status_code == 422, (more, answer.text)
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer], more


async def test_what_is_no_json_number_is_no_json(bot: httpx2.AsyncClient) -> None:
    for number in ("NaN", "Infinity", "-Infinity"):
        body = b'{"key": "x", "name": "x", "condition": {"stat": "messages", "gte": %s}}' % number.encode()
        answer = await bot.post(OF_HARBOUR, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


async def test_all_faults_are_reported_at_once(bot: httpx2.AsyncClient) -> None:
    condition = {"all": [{"stat": "level", "gte": 5000}, {"stat": "xp", "gte": 1, "within": "1d"}, {"gte": 1}]}
    answer = await bot.post(OF_HARBOUR, json=draft(condition=condition, prerequisites=["one", "two"]))
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [
        "/condition/all/0/gte", "/condition/all/1/within", "/condition/all/2/stat",
        "/prerequisites/0", "/prerequisites/1",
    ]  # fmt: skip


async def test_circles(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("a"), draft("b", prerequisites=["a"]), draft("c", prerequisites=["b"]))
    circle = await bot.patch(f"{OF_HARBOUR}/a", json={"prerequisites": ["c"]})
    assert circle.json()["errors"] == [{"pointer": "/prerequisites/0", "message": "makes a circle: it needs `a`"}]
    # Gone, it is in nobody's way; back again it would be.
    await bot.delete(f"{OF_HARBOUR}/b")
    assert (await bot.patch(f"{OF_HARBOUR}/a", json={"prerequisites": ["c"]})).status_code == 200
    assert (await bot.post(f"{OF_HARBOUR}/b/restore")).status_code == 409


async def test_of_two_that_would_need_each_other_one_is_refused(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("a"), draft("b"))
    both = await asyncio.gather(
        bot.patch(f"{OF_HARBOUR}/a", json={"prerequisites": ["b"]}),
        bot.patch(f"{OF_HARBOUR}/b", json={"prerequisites": ["a"]}),
    )
    assert sorted(answer.status_code for answer in both) == [200, 422]
