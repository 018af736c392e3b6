"""Boards against a plain sort, and windows against their days."""

from datetime import date, timedelta
from random import Random

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.driver import Json, Served, each_day, law, set_time, stat_name
from tests.properties.model import Guild, ranking
from tests.properties.strategies import SPRING, USERS, ZONES, histories, levelings
from tests.support.clock import MovableClock

STATS = ["xp", "messages", "voice_seconds", "reactions", "commands", "stat:duels_won", "stat:pies"]
SERIES = ["messages", "voice_seconds", "reactions", "commands", "xp"]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@law(9)
@given(
    given=st.lists(st.sampled_from([0, 1, 5, 5, 5, 7, 8, 9, 1_000, 1_001, 2**52, 2**53]), min_size=1, max_size=12),
    limit=st.integers(1, 13),
    shuffler=st.randoms(use_true_random=False),
)
async def test_ranks_are_a_permutation_and_agree_with_a_sort(
    bot: httpx2.AsyncClient, given: list[int], limit: int, shuffler: Random
) -> None:
    guild = await Served.new(bot)
    xp = dict(enumerate(given, start=10**17))
    for user in shuffler.sample([*xp, *xp], 2 * len(xp)):  # up and down on the way
        await guild.ask("POST", f"/members/{user}/xp", json={"set": shuffler.choice(given)})
    for user in xp:
        await guild.ask("POST", f"/members/{user}/xp", json={"set": xp[user]})
    expected = ranking(xp)
    items = [item async for item in guild.items(limit=limit)]
    answered = [(item["rank"], int(item["user_id"]), item["value"]) for item in items]
    assert [row for row in answered if row[2]] == [row for row in expected if row[2]]
    assert len({user for _, user, _ in answered}) == len(answered)
    assert all(item["xp"] == item["value"] for item in items)
    for rank, user, value in expected:
        profile = await guild.ask("GET", f"/members/{user}")
        assert (profile["rank"], profile["xp"], profile["member_count"]) == (rank, value, len(xp))
    await _pages_around(guild, expected, limit)


async def _pages_around(guild: Served, expected: list[tuple[int, int, int]], limit: int) -> None:
    """The member is there, in the middle unless that is near an end, among true neighbours."""
    ranked = [row for row in expected if row[2]]
    for place, (_, user, _) in enumerate(ranked):
        page = await guild.ask("GET", "/leaderboard", params={"around": user, "limit": limit})
        rows = [(item["rank"], int(item["user_id"]), item["value"]) for item in page["items"] if item["value"]]
        assert len(page["items"]) <= limit
        start = ranked.index(rows[0])
        assert rows == ranked[start : start + len(rows)]
        assert user in [row[1] for row in rows]
        if limit // 2 <= place < len(ranked) - limit:
            assert abs(place - start - len(rows) // 2) <= 1


@law(12)
@given(data=st.data(), settings=levelings(), zone=st.sampled_from(ZONES), week_starts_on=st.sampled_from(WEEKDAYS))
async def test_windows_are_the_sums_of_their_days(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str, week_starts_on: str
) -> None:
    set_time(clock, SPRING)
    events = data.draw(histories(users=4))
    gifts = data.draw(st.lists(st.tuples(st.sampled_from(USERS[:4]), st.integers(-40, 200)), max_size=3))
    stat = data.draw(st.sampled_from(STATS))
    ago = data.draw(st.tuples(st.integers(0, 8), st.integers(0, 8)))
    settings = settings | {"week_starts_on": week_starts_on}
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    await guild.send(events)
    model.send(events, SPRING)
    for user, amount in gifts:
        await guild.ask("POST", f"/members/{user}/xp", json={"amount": amount})
        model.give(user, amount, SPRING)
    today = model.day(SPRING)
    first, last = (today - timedelta(days=days) for days in (max(ago), min(ago)))
    name = stat_name(stat)

    for day in each_day(first, last):
        expected = ranking(model.values(stat, [day]))
        assert await guild.board(stat=name, from_=day, to=day) == expected
        assert await guild.board(stat=name, period="day", at=day) == expected
    days = each_day(first, last)
    assert await guild.board(stat=name, from_=first, to=last) == ranking(model.values(stat, days))
    assert await guild.board(stat=name) == ranking(model.values(stat))
    for period, days in (("week", _week(last, WEEKDAYS.index(week_starts_on))), ("month", _month(last))):
        page = await guild.ask("GET", "/leaderboard", params={"stat": name, "period": period, "at": str(last)})
        assert (page["from"], page["to"]) == (str(days[0]), str(days[-1]))
        assert await guild.board(stat=name, period=period, at=last) == ranking(model.values(stat, days))


@law(6)
@given(data=st.data(), settings=levelings(), zone=st.sampled_from(ZONES))
async def test_series_are_the_same_days(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    """Of each member, and of the guild as the sum of its members; hours add up to days."""
    set_time(clock, SPRING)
    events = data.draw(histories())
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    await guild.send(events)
    model.send(events, SPRING)
    today = model.day(SPRING)
    window = {"from": str(today - timedelta(days=8)), "to": str(today + timedelta(days=1))}
    days = each_day(today - timedelta(days=8), today)
    whole = dict.fromkeys(days, (0,) * len(SERIES))
    for user, member in model.members.items():
        answered = await _series(guild, f"/members/{user}/activity", window)
        counted = [tuple(member.days[day][name] if day in member.days else 0 for name in SERIES) for day in days]
        assert answered == counted
        whole = {day: _sum(whole[day], row) for day, row in zip(days, counted, strict=True)}
    assert await _series(guild, "/activity", window) == list(whole.values())
    hours = await _series(guild, "/activity", window | {"bucket": "hour"})
    assert [sum(column) for column in zip(*hours, strict=True)] == [
        sum(column) for column in zip(*whole.values(), strict=True)
    ]


async def _series(guild: Served, path: str, query: dict[str, str]) -> list[tuple[int, ...]]:
    items = (await guild.ask("GET", path, params=query))["items"]
    return [tuple(item[name] for name in SERIES) for item in items]


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(left + right for left, right in zip(one, other, strict=True))


def _week(day: date, starts_on: int) -> list[date]:
    first = day - timedelta(days=(day.weekday() - starts_on) % 7)
    return each_day(first, first + timedelta(days=6))


def _month(day: date) -> list[date]:
    first = day.replace(day=1)
    return each_day(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))
