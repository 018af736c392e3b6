"""The all-time board: its order, its ranks, its pages."""

import re
from datetime import date
from itertools import groupby
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.leaderboards import queries
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.leaderboards.conftest import Put
from tests.support.people import ADA, BO, HARBOUR, MALLORY

PATH = f"/v1/guilds/{HARBOUR}/leaderboard"
Json = dict[str, Any]  # Any: JSON


async def board(client: httpx2.AsyncClient, **query: object) -> Json:
    answer = await client.get(PATH, params={name.rstrip("_"): str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def whole(client: httpx2.AsyncClient, **query: object) -> list[Json]:
    """All pages."""
    items: list[Json] = []
    page = await board(client, **query)
    while True:
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        page = await board(client, **query, cursor=page["next_cursor"])


def ranked(values: dict[int, int]) -> list[tuple[int, str, int]]:
    """Rank, user, value: by a plain sort."""
    order = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    found: list[tuple[int, str, int]] = []
    for value, group in groupby(order, key=lambda each: each[1]):
        rank = len(found) + 1
        found += [(rank, str(user), value) for user, _ in group]
    return found


def standings(items: list[Json]) -> list[tuple[int, str, int]]:
    return [(item["rank"], item["user_id"], item["value"]) for item in items]


async def test_empty(bot: httpx2.AsyncClient) -> None:
    expected: Json = {"stat": "xp", "period": "all", "from": None, "to": None, "as_of": None,
                "member_count": 0, "items": [], "next_cursor": None}  # fmt: skip
    assert await board(bot) == expected
    assert await board(bot, stat="duels_won") == expected | {"stat": "duels_won"}


async def test_ties_share_a_rank_across_pages(bot: httpx2.AsyncClient, put: Put) -> None:
    values = {ADA: 300, BO: 300, 7: 300, 8: 300, 9: 120, 10: 120, 11: 4000, 12: 0, 13: 0}
    await put(values)
    for limit in range(1, 10):
        assert standings(await whole(bot, limit=limit)) == ranked(values)
    first = await board(bot, limit=1)
    names = dict.fromkeys(("username", "display_name", "avatar_url"))
    assert first["items"] == [{"rank": 1, "user_id": "11", **names, "value": 4000, "xp": 4000, "level": 9}]
    assert first["member_count"] == 9


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.integers(1, 60), st.sampled_from([0, 1, 2, 255, 256, 257, 511, 512, 5000, 2**53]), max_size=30),
    st.integers(1, 7),
)
async def test_ranks_are_those_of_a_sort(
    bot: httpx2.AsyncClient, owner: PlainConnection, put: Put, values: dict[int, int], limit: int
) -> None:
    await owner.execute("TRUNCATE members CASCADE")
    await put(values)
    assert standings(await whole(bot, limit=limit)) == ranked(values)
    for user in list(values)[:3]:
        page = await board(bot, around=user, limit=limit)
        expected = ranked(values)
        assert str(user) in [item["user_id"] for item in page["items"]]
        start = expected.index(standings(page["items"])[0])
        assert standings(page["items"]) == expected[start : start + limit]


async def test_around_has_the_member_in_its_middle(bot: httpx2.AsyncClient, put: Put) -> None:
    await put({user: 100 * user for user in range(1, 21)})
    assert [item["user_id"] for item in (await board(bot, around=10, limit=5))["items"]] == ["12", "11", "10", "9", "8"]
    assert (await board(bot, around=20, limit=5))["items"][0]["user_id"] == "20"
    last = await board(bot, around=1, limit=5)
    assert [item["user_id"] for item in last["items"]] == ["3", "2", "1"]
    assert last["next_cursor"] is None
    assert (await bot.get(PATH, params={"around": str(MALLORY)})).status_code == 404


async def test_rows_inserted_meanwhile_neither_repeat_nor_hide(bot: httpx2.AsyncClient, put: Put) -> None:
    await put({user: 100 * user for user in range(1, 11)})
    first = await board(bot, limit=5)
    await put({100: 99_999, 101: 1, 102: 650})
    rest = await board(bot, limit=50, cursor=first["next_cursor"])
    assert [item["user_id"] for item in rest["items"]] == ["5", "4", "3", "2", "1", "101"]
    assert rest["items"][0]["rank"] == 8


async def test_the_way_to_the_next_page(bot: httpx2.AsyncClient, put: Put) -> None:
    await put({1: 3, 2: 2, 3: 1})
    answer = await bot.get(PATH, params={"limit": "1", "around": "1"})
    link = answer.links["next"]["url"]
    assert "around" not in link
    assert [item["user_id"] for item in (await bot.get(link)).json()["items"]] == ["2"]


async def test_built_in_and_custom_stats(bot: httpx2.AsyncClient) -> None:
    await record(
        bot,
        message("1"),
        message("2"),
        message("3", user=BO),
        {**message("4"), "type": "voice", "seconds": 90},
        {**message("5"), "type": "stat", "stat": "duels_won", "amount": 3},
        {**message("6", user=BO), "type": "stat", "stat": "duels_won", "amount": 3},
    )
    for query in ({}, {"period": "day"}, {"period": "month"}):
        assert standings(await whole(bot, stat="messages", limit=1, **query)) == [(1, str(ADA), 2), (2, str(BO), 1)]
        assert standings(await whole(bot, stat="voice_seconds", **query)) == [(1, str(ADA), 90)]
        assert standings(await whole(bot, stat="duels_won", limit=1, **query)) == [(1, str(BO), 3), (1, str(ADA), 3)]
        page = await board(bot, stat="duels_won", around=ADA, limit=1, **query)
        assert standings(page["items"]) == [(1, str(ADA), 3)]
        assert (await bot.get(PATH, params={"stat": "reactions", "around": str(ADA), **query})).status_code == 404


@pytest.mark.parametrize("stat", ["messages", "day"])
async def test_a_rank_is_counted_once_a_page(
    bot: httpx2.AsyncClient, owner: PlainConnection, put: Put, stat: str
) -> None:
    """Not once a row of the page, as PostgreSQL will if it may."""
    del bot  # it has made the guild
    await put(dict.fromkeys(range(1, 200), 5))
    await owner.execute("UPDATE members SET messages = user_id")
    await owner.execute("INSERT INTO boards SELECT guild_id, 1, messages, user_id FROM members")
    today = date(2026, 11, 16)
    await owner.execute("SELECT guildhall_create_partition('activity_days', $1)", today)
    await owner.execute(
        "INSERT INTO activity_days (guild_id, day, user_id, messages, events)"
        " SELECT guild_id, $1, user_id, messages, 1 FROM members",
        today,
    )
    statement, named = (
        (queries.STAT, [1]) if stat == "messages" else (queries.page("messages", of_days=True), [today] * 2)
    )
    plan = await owner.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", HARBOUR, 150, 150, 51, *named)
    counts = [line[0] for line in plan if re.search(r"Aggregate .*rows=", line[0])]
    assert counts
    assert all("loops=1)" in line for line in counts), "\n".join(counts)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"stat": "Bad"}, "stat"),
        ({"period": "year"}, "period"),
        ({"period": "week", "at": "2026-13-01"}, "at"),
        ({"at": "2026-11-16"}, "at"),
        ({"from": "2026-11-16"}, "to"),
        ({"to": "2026-11-16"}, "from"),
        ({"from": "2026-11-17", "to": "2026-11-16"}, "from"),
        ({"from": "2026-11-16", "to": "2026-11-16", "period": "week"}, "period"),
        ({"around": "0"}, "around"),
        ({"around": "5", "cursor": "abc"}, "around"),
        ({"cursor": "abc"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"period": "month", "at": "9999-12-31"}, "at"),
    ],
)
async def test_what_is_refused(bot: httpx2.AsyncClient, query: dict[str, str], parameter: str) -> None:
    answer = await bot.get(PATH, params=query)
    assert answer.status_code == 422
    assert parameter in {fault["parameter"] for fault in answer.json()["errors"]}


async def test_a_cursor_belongs_to_its_board(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, put: Put
) -> None:
    await put({1: 3, 2: 2})
    cursor = (await board(bot, limit=1))["next_cursor"]
    for client, query in ((bot, {"stat": "messages"}), (bot, {"period": "week"}), (harbour_bot, {})):
        assert (await client.get(PATH, params={**query, "cursor": cursor})).status_code == 422


async def test_strangers_see_nothing(mallory: httpx2.AsyncClient, anonymous: httpx2.AsyncClient) -> None:
    assert (await mallory.get(PATH)).status_code == 404
    assert (await anonymous.get(PATH)).status_code == 401
