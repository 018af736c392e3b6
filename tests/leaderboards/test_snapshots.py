"""Boards of days in large guilds: of moments ago, and otherwise the same."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from api.leaderboards import queries
from api.leaderboards.rules import Cover
from api.leaderboards.snapshots import Snapshots
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.imports.files import event, imported, lines
from tests.leaderboards.conftest import Put, PutDay
from tests.leaderboards.test_board import PATH, board, standings
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR
from tests.support.wiring import services_of

DAY = timedelta(days=1)
NOVEMBER = date(2026, 11, 1)


@pytest.fixture
async def snapshots(litestar_app: Litestar) -> AsyncIterator[Snapshots]:
    """Of which every guild with a member is large."""
    found: Snapshots = services_of(litestar_app).snapshots
    large, found.large = found.large, 0
    found.clear()
    yield found
    found.large = large
    found.clear()


async def test_a_small_guild_is_of_this_moment(bot: httpx2.AsyncClient, put: Put, put_day: PutDay) -> None:
    await put({1: 0, 2: 0})
    for messages in (1, 2):
        await put_day(NOVEMBER + messages * DAY, {1: 2, 2: 1})
        page = await board(bot, stat="messages", period="month", at=NOVEMBER)
        assert page["as_of"] is None
        assert standings(page["items"]) == [(1, "1", 2 * messages), (2, "2", messages)]
    assert (await board(bot))["as_of"] is None


async def test_as_of(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, snapshots: Snapshots, clock: MovableClock
) -> None:
    await put({1: 0, 2: 0})
    await put_day(NOVEMBER, {1: 2})
    query = {"stat": "messages", "period": "month", "at": NOVEMBER}
    before = clock.now()
    first = await board(bot, **query)
    as_of = datetime.fromisoformat(first["as_of"])
    assert before <= as_of <= clock.now()
    await put_day(NOVEMBER + DAY, {2: 5})
    clock.move(seconds=5)
    assert await board(bot, **query) == first
    clock.move(seconds=5)
    second = await board(bot, **query)
    assert datetime.fromisoformat(second["as_of"]) >= as_of + timedelta(seconds=10)
    assert standings(second["items"]) == [(1, "2", 5), (2, "1", 2)]
    for all_time in ({}, {"stat": "messages"}, {"stat": "duels_won"}):
        assert (await board(bot, **all_time))["as_of"] is None


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.dictionaries(st.integers(1, 30), st.integers(-3, 4), max_size=25), min_size=1, max_size=4),
    st.integers(1, 7),
    st.sets(st.integers(1, 30), max_size=4),
)
async def test_it_is_what_adding_up_at_once_gives(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    snapshots: Snapshots,
    days: list[dict[int, int]],
    limit: int,
    unranked: set[int],
) -> None:
    await owner.execute("TRUNCATE members, activity_days CASCADE")
    await put(dict.fromkeys(range(1, 31), 0))
    await owner.execute("UPDATE members SET is_ranked = NOT user_id = ANY($1)", unranked)
    await owner.execute("TRUNCATE xp_counts")
    await owner.execute(
        "INSERT INTO xp_counts SELECT guild_id, kept, 0, count(*) FROM members"
        " CROSS JOIN (VALUES (1), (8)) AS each (kept) WHERE is_ranked GROUP BY 1, 2"
    )
    await owner.execute("DELETE FROM boards WHERE user_id = ANY($1)", unranked)
    for number, values in enumerate(days):
        await put_day(NOVEMBER + number * DAY, values)
    windows = [(NOVEMBER, NOVEMBER + (len(days) - 1) * DAY), (NOVEMBER, NOVEMBER)]
    for first, last in windows:
        found: list[object] = []
        for large in (1000, 0):
            snapshots.clear()
            snapshots.large = large
            query: dict[str, object] = {"stat": "messages", "from_": first, "to": last, "limit": limit}
            pages = [await board(bot, **query)]
            while pages[-1]["next_cursor"]:
                pages.append(await board(bot, **query, cursor=pages[-1]["next_cursor"]))
            assert all((page["as_of"] is None) == (large > 0) for page in pages)
            around = []
            for user in range(1, 31, 3):
                answer = await bot.get(
                    PATH,
                    params={"stat": "messages", "from": str(first), "to": str(last), "around": user, "limit": limit},
                )
                around.append((answer.status_code, answer.json().get("items")))
            found.append(([(page["items"], page["member_count"]) for page in pages], around))
        assert found[0] == found[1]


async def test_pages_across_two_snapshots(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, snapshots: Snapshots, clock: MovableClock
) -> None:
    """Nobody who kept their place is missing or comes twice."""
    assert snapshots.large == 0
    await put(dict.fromkeys(range(1, 13), 0))
    await put_day(NOVEMBER, {user: 10 * user for user in range(1, 11)})
    query: dict[str, object] = {"stat": "messages", "period": "month", "at": NOVEMBER, "limit": 4}
    first = await board(bot, **query)
    assert [item["user_id"] for item in first["items"]] == ["10", "9", "8", "7"]
    clock.move(seconds=11)
    await put_day(NOVEMBER + DAY, {11: 500, 12: 35})
    second = await board(bot, **query, cursor=first["next_cursor"])
    assert second["as_of"] > first["as_of"]
    assert standings(second["items"]) == [(6, "6", 60), (7, "5", 50), (8, "4", 40), (9, "12", 35)]
    third = await board(bot, **query, cursor=second["next_cursor"])
    assert standings(third["items"]) == [(10, "3", 30), (11, "2", 20), (12, "1", 10)]
    assert third["next_cursor"] is None


async def test_custom_stats(bot: httpx2.AsyncClient, snapshots: Snapshots) -> None:
    assert snapshots.large == 0
    duel = {"type": "stat", "stat": "duels_won", "amount": 3}
    await record(bot, {**message("1"), **duel}, {**message("2", user=BO), **duel}, {**message("3"), **duel})
    for query in ({"period": "day"}, {"period": "month"}):
        page = await board(bot, stat="duels_won", **query)
        assert page["as_of"] is not None
        assert standings(page["items"]) == [(1, str(ADA), 6), (2, str(BO), 3)]
    unknown = await board(bot, stat="never_counted", period="week")
    assert (unknown["member_count"], unknown["items"], unknown["next_cursor"]) == (0, [], None)


@pytest.mark.parametrize("how", ["hidden", "erased", "left"])
async def test_who_is_gone_is_gone_at_once(bot: httpx2.AsyncClient, snapshots: Snapshots, how: str) -> None:
    """Though the snapshot still has them."""
    assert snapshots.large == 0
    reset = {"on_leave": "reset"}
    assert (await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=reset)).status_code == 200
    await record(bot, message("1"), message("2"), message("3", user=BO))
    query = {"stat": "messages", "period": "day"}
    before = await board(bot, **query, limit=1)
    assert standings(before["items"]) == [(1, str(ADA), 2)]
    requests = {
        "hidden": bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": "hidden"}),
        "erased": bot.delete(f"/v1/users/{ADA}"),
        "left": bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}"),
    }
    answer = await requests.pop(how)
    for other in requests.values():
        other.close()
    assert answer.is_success, answer.text
    after = await board(bot, **query, limit=1)
    assert after["as_of"] == before["as_of"]
    assert standings(after["items"]) == [(2, str(BO), 1)]
    assert after["next_cursor"] is None
    around = await bot.get(PATH, params={**query, "around": str(ADA)})
    assert around.status_code == 404
    snapshots.clear()
    assert standings((await board(bot, **query))["items"]) == [(1, str(BO), 1)]


async def test_who_comes_back_does_not_bring_back_what_was_erased(
    bot: httpx2.AsyncClient, snapshots: Snapshots
) -> None:
    assert snapshots.large == 0
    await record(bot, message("1"), message("2"), message("3", user=BO))
    query = {"stat": "messages", "period": "day"}
    before = await board(bot, **query)
    assert (await bot.delete(f"/v1/users/{ADA}")).is_success
    await record(bot, message("4"))
    assert (await board(bot, stat="messages"))["member_count"] == 2
    page = await board(bot, **query)
    assert (page["as_of"], standings(page["items"])) == (before["as_of"], [(2, str(BO), 1)])


async def test_late_events_and_old_days(bot: httpx2.AsyncClient, snapshots: Snapshots, clock: MovableClock) -> None:
    assert snapshots.large == 0
    late = datetime.now(UTC) - 5 * DAY
    query: dict[str, object] = {"stat": "messages", "from_": "2015-01-01", "to": datetime.now(UTC).date() + DAY}
    await record(bot, message("1"))
    assert standings((await board(bot, **query))["items"]) == [(1, str(ADA), 1)]
    await record(bot, message("2", user=BO, at=late), message("3", user=BO, at=late))
    clock.move(seconds=11)
    assert standings((await board(bot, **query))["items"]) == [(1, str(BO), 2), (2, str(ADA), 1)]
    await imported(bot, "events", lines(*(event(n, "2016-03-04T10:00:00Z") for n in range(4))))
    clock.move(seconds=11)
    assert standings((await board(bot, **query))["items"]) == [(1, str(ADA), 5), (2, str(BO), 2)]


async def test_who_ask_at_once_have_it_computed_once(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert snapshots.large == 0
    computed = list[tuple[str, date, date]]()
    slow = queries._SNAPSHOT.replace("max(id)", "max(id) + length(pg_sleep(0.2)::text)")

    def counted(stat: str, first: date, last: date, found: Cover | None) -> tuple[str, list[object]]:
        computed.append((stat, first, last))
        return ordinary(stat, first, last, found)

    ordinary = queries.snapshot
    monkeypatch.setattr(queries, "_SNAPSHOT", slow)
    monkeypatch.setattr(queries, "snapshot", counted)
    await put({1: 0})
    await put_day(NOVEMBER, {1: 1})
    query = {"stat": "messages", "period": "month", "at": str(NOVEMBER)}
    first = asyncio.create_task(bot.get(PATH, params=query))
    async with asyncio.timeout(20):
        while not computed:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0)
    others = [asyncio.create_task(bot.get(PATH, params={**query, "limit": n})) for n in range(1, 7)]
    first.cancel()  # who gives up takes it from nobody else
    for answer in await asyncio.gather(*others):
        assert (answer.status_code, standings(answer.json()["items"])) == (200, [(1, "1", 1)])
    assert computed == [("messages", NOVEMBER, NOVEMBER + 29 * DAY)]


async def test_what_takes_too_long(
    bot: httpx2.AsyncClient,
    put: Put,
    put_day: PutDay,
    snapshots: Snapshots,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ends by PostgreSQL's own bound, and the last snapshot is not served in its place."""
    await put({1: 0})
    await put_day(NOVEMBER, {1: 1})
    query = {"stat": "messages", "period": "month", "at": str(NOVEMBER)}
    assert (await bot.get(PATH, params=query)).status_code == 200
    ordinary = queries._SNAPSHOT
    monkeypatch.setattr(queries, "_SNAPSHOT", ordinary.replace("max(id)", "max(id) + length(pg_sleep(30)::text)"))
    clock.move(seconds=9)
    assert (await bot.get(PATH, params=query)).status_code == 200
    clock.move(seconds=2)
    answer = await bot.get(PATH, params=query)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:guildhall:problem:overloaded")
    monkeypatch.setattr(queries, "_SNAPSHOT", ordinary)
    assert (await bot.get(PATH, params=query)).status_code == 200


async def test_it_is_computed_ahead_while_somebody_asks(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.leaderboards.snapshots.OLDEST", timedelta(seconds=0.8))
    await put({1: 0})
    await put_day(NOVEMBER, {1: 1})
    await board(bot, stat="messages", from_=NOVEMBER, to=NOVEMBER)
    (first,) = snapshots._kept.items()
    async with asyncio.timeout(20):
        while snapshots._kept[first[0]].as_of == first[1].as_of:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    monkeypatch.setattr("api.leaderboards.snapshots.ASKED_SECONDS", 0.0)
    async with asyncio.timeout(20):
        while snapshots._kept or snapshots._running:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    assert not snapshots._weight
    assert not snapshots._asked
    assert not snapshots._timers


async def test_memory_is_bounded(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.leaderboards.snapshots.LARGEST", 3 * 1032)
    await put({1: 0, 2: 0})
    await put_day(NOVEMBER, {1: 1, 2: 2})
    for number in range(5):
        await board(bot, stat="messages", from_=NOVEMBER - number * DAY, to=NOVEMBER)
    assert [board.first for board in snapshots._kept] == [NOVEMBER - number * DAY for number in (2, 3, 4)]
    assert snapshots._weight == 3 * 1032
    assert len(snapshots._asked) == len(snapshots._timers) == 3
