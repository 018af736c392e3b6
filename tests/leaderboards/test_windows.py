"""Boards of days, weeks, months and any window: of the guild's days."""

from datetime import date, timedelta

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.leaderboards.conftest import Put, PutDay
from tests.leaderboards.test_board import board, ranked, standings, whole
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR

DAY = timedelta(days=1)


async def test_periods_and_their_days(bot: httpx2.AsyncClient, put: Put, put_day: PutDay) -> None:
    await put({1: 0, 2: 0})
    await put_day(date(2026, 11, 15), {1: 5})
    await put_day(date(2026, 11, 16), {1: 1, 2: 2})
    week = await board(bot, stat="messages", period="week", at="2026-11-18")
    assert (week["period"], week["from"], week["to"]) == ("week", "2026-11-16", "2026-11-22")
    assert standings(week["items"]) == [(1, "2", 2), (2, "1", 1)]
    month = await board(bot, stat="messages", period="month", at="2026-11-30")
    assert (month["from"], month["to"]) == ("2026-11-01", "2026-11-30")
    assert standings(month["items"]) == [(1, "1", 6), (2, "2", 2)]
    window = await board(bot, stat="messages", from_="2026-11-15", to="2026-11-15")
    assert (window["period"], window["member_count"]) == (None, 1)
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"week_starts_on": "sunday"})
    week = await board(bot, stat="messages", period="week", at="2026-11-18")
    assert (week["from"], week["to"]) == ("2026-11-15", "2026-11-21")
    assert standings(week["items"]) == [(1, "1", 6), (2, "2", 2)]


async def test_a_page_goes_on_in_its_week(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, clock: MovableClock
) -> None:
    await put({1: 0, 2: 0})
    await put_day(clock.now().date(), {1: 5, 2: 4})
    first = await board(bot, period="week", limit=1)
    clock.move(days=7)
    key = await board(bot, period="week")
    assert key["items"] == []
    clock.move(days=-7)
    rest = await board(bot, period="week", limit=1, cursor=first["next_cursor"])
    assert (rest["from"], standings(rest["items"])) == (first["from"], [(2, "2", 4)])


async def test_days_are_the_guilds(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Pacific/Kiritimati"})
    midday = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - DAY
    await record(bot, message("1", at=midday))
    for day, count in ((midday.date(), 0), (midday.date() + DAY, 1)):
        assert (await board(bot, period="day", at=day))["member_count"] == count


async def test_who_left_is_on_no_board(bot: httpx2.AsyncClient) -> None:
    await record(bot, message("1"))
    await bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}")
    for query in ({}, {"period": "day"}, {"stat": "messages"}):
        found = await board(bot, **query)
        assert (found["member_count"], found["items"]) == (0, [])
    await record(bot, message("2"))
    assert (await board(bot, period="day"))["member_count"] == 1


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.integers(1, 9), st.integers(-3, 5), max_size=6), min_size=1, max_size=5))
async def test_a_window_is_the_sum_of_its_days(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    days: list[dict[int, int]],
) -> None:
    await owner.execute("TRUNCATE members, activity_days CASCADE")
    await put(dict.fromkeys(range(1, 10), 0))
    first = date(2026, 10, 30)
    summed: dict[int, int] = {}
    for number, values in enumerate(days):
        await put_day(first + number * DAY, values)
        of_a_day = standings(await whole(bot, from_=first + number * DAY, to=first + number * DAY))
        assert of_a_day == ranked({user: value for user, value in values.items() if value})
        for _, user, value in of_a_day:
            summed[int(user)] = summed.get(int(user), 0) + value
    found = standings(await whole(bot, from_=first, to=first + (len(days) - 1) * DAY, limit=3))
    assert found == ranked({user: value for user, value in summed.items() if value})
