"""`GET …/members/{user_id}/activity` and `GET …/activity`: hours, days and weeks of a guild's clocks."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import httpx2
import pytest

from api.errors import Invalid
from api.members.dtos import Bucket, SeriesQuery
from api.members.leveling_config import LevelingConfig
from api.members.levels import level_curve
from api.members.series import days, hours, window
from api.postgres.engine import PlainConnection
from api.settings.builtin.leveling import LevelingSettings
from tests.members.people import Json, give, hide, leveling, member
from tests.members.rows import add_day, add_hour
from tests.support.clock import CLOCK, MovableClock
from tests.support.people import ADA, BO, HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}/activity"
OF_ADA = f"{member()}/activity"
STATS = ("messages", "voice_seconds", "reactions", "commands", "xp")


async def series(client: httpx2.AsyncClient, path: str = GUILD, **query: str) -> Json:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def filled(found: Json) -> dict[str, list[int]]:
    """The buckets that have anything."""
    items = {item["at"]: [item[stat] for stat in STATS] for item in found["items"]}
    return {at: counted for at, counted in items.items() if any(counted)}


def starts(found: Json) -> list[datetime]:
    return [datetime.fromisoformat(item["at"]) for item in found["items"]]


async def put_zone(bot: httpx2.AsyncClient, zone: str) -> None:
    assert (await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": zone})).status_code == 200


async def test_by_default_the_last_thirty_days(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    await give(bot, ADA, 300)
    today = clock.now().date()
    await add_day(owner, today - timedelta(days=29), messages=1, voice_seconds=2, reactions=3, commands=4, xp=5)
    await add_day(owner, today - timedelta(days=30), messages=99)
    found = await series(bot, OF_ADA)
    assert (found["bucket"], len(found["items"])) == ("day", 30)
    assert found["from"] == found["items"][0]["at"] == f"{today - timedelta(days=29)}T00:00:00Z"
    assert found["to"] == f"{today + timedelta(days=1)}T00:00:00Z"
    assert filled(found) == {
        f"{today - timedelta(days=29)}T00:00:00Z": [1, 2, 3, 4, 5],
        f"{today}T00:00:00Z": [0, 0, 0, 0, 300],
    }
    assert filled(await series(bot)) == {f"{today}T00:00:00Z": [0, 0, 0, 0, 300]}


async def test_of_one_member_and_of_the_guild(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 0)
    await give(bot, BO, 0)
    for user_id, messages in ((ADA, 1), (BO, 2), (0, 3)):
        await add_day(owner, date(2026, 11, 2), user_id, messages=messages)
    window = {"from": "2026-11-01", "to": "2026-11-04"}
    for path, messages in ((OF_ADA, 1), (f"{member(BO)}/activity", 2), (GUILD, 3)):
        found = await series(bot, path, **window)
        assert [item["messages"] for item in found["items"]] == [0, messages, 0]


async def test_weeks_begin_as_the_guild_has_it(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for day in range(1, 31):
        await add_day(owner, date(2026, 11, day), 0, messages=day, xp=1)
    window = {"from": "2026-11-18", "to": "2026-11-24", "bucket": "week"}
    found = await series(bot, **window)
    assert (found["from"], found["to"]) == ("2026-11-16T00:00:00Z", "2026-11-24T00:00:00Z")
    assert filled(found) == {
        "2026-11-16T00:00:00Z": [sum(range(16, 23)), 0, 0, 0, 7],
        "2026-11-23T00:00:00Z": [sum(range(23, 30)), 0, 0, 0, 7],
    }
    await leveling(bot, week_starts_on="wednesday")
    assert filled(await series(bot, **window)) == {"2026-11-18T00:00:00Z": [sum(range(18, 25)), 0, 0, 0, 7]}
    await leveling(bot, week_starts_on="sunday")
    assert [item["at"][:10] for item in (await series(bot, **window))["items"]] == ["2026-11-15", "2026-11-22"]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "first"),
    [
        ("Europe/Berlin", "2026-03-29", 23, "2026-03-28T23:00:00Z"),
        ("Europe/Berlin", "2026-10-25", 25, "2026-10-24T22:00:00Z"),
        ("Europe/Berlin", "2026-10-26", 24, "2026-10-25T23:00:00Z"),
        ("Asia/Kathmandu", "2026-03-29", 24, "2026-03-28T18:15:00Z"),
        ("America/Sao_Paulo", "2018-11-04", 23, "2018-11-04T03:00:00Z"),  # had no midnight
        ("America/Havana", "2026-11-01", 25, "2026-11-01T04:00:00Z"),  # has two
        ("Australia/Lord_Howe", "2026-10-04", 24, "2026-10-03T13:30:00Z"),  # one of them is half an hour
        ("Australia/Lord_Howe", "2026-04-05", 24, "2026-04-04T13:00:00Z"),  # and here one and a half
    ],
)
async def test_hours_of_a_day(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    clock: MovableClock,
    zone: str,
    day: str,
    hours: int,
    first: str,
) -> None:
    """Each quarter of an hour falls into one bucket, and all buckets together are the day."""
    clock.put(datetime.fromisoformat(first) + timedelta(days=2))
    await put_zone(bot, zone)
    after = str(date.fromisoformat(day) + timedelta(days=1))
    whole = await series(bot, **{"from": day, "to": after, "bucket": "hour"})
    assert len(whole["items"]) == hours
    assert whole["items"][0]["at"] == whole["from"] == first
    (as_day,) = (await series(bot, **{"from": day, "to": after}))["items"]
    assert as_day["at"] == first
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(whole["to"])
    quarters = [begin + timedelta(minutes=15) * n for n in range(-1, (end - begin) // timedelta(minutes=15) + 1)]
    for quarter in quarters:
        await add_hour(owner, quarter, 0, messages=1)
    found = await series(bot, **{"from": day, "to": after, "bucket": "hour"})
    edges = [*starts(found), end]
    expected = [(later - at) // timedelta(minutes=15) for at, later in itertools.pairwise(edges)]
    assert [item["messages"] for item in found["items"]] == expected
    assert sum(expected) == len(quarters) - 2
    for at in quarters[1:-1]:
        once = await series(
            bot, **{"from": f"{at:%Y-%m-%dT%H:%M:%SZ}", "to": f"{at:%Y-%m-%dT%H:%M:01Z}", "bucket": "hour"}
        )
        assert starts(once) == [max(edge for edge in edges if edge <= at)]


async def test_xp_given_falls_into_the_hour_of_then(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Through the whole night in which Berlin's clocks go back."""
    await put_zone(bot, "Europe/Berlin")
    night = datetime(2026, 10, 24, 22, tzinfo=UTC)
    for hour in range(5):
        clock.put(night + timedelta(hours=hour, minutes=10))
        await give(bot, ADA, hour + 1)
    found = await series(bot, OF_ADA, **{"from": "2026-10-25", "to": "2026-10-26", "bucket": "hour"})
    assert [item["xp"] for item in found["items"]] == [1] * 5 + [0] * 20
    days = await series(bot, OF_ADA, **{"from": "2026-10-24", "to": "2026-10-27"})
    assert [item["xp"] for item in days["items"]] == [0, 5, 0]


async def test_a_day_that_never_was(bot: httpx2.AsyncClient) -> None:
    await put_zone(bot, "Pacific/Apia")
    found = await series(bot, **{"from": "2011-12-28", "to": "2012-01-02"})
    assert [item["at"] for item in found["items"]] == [
        "2011-12-28T10:00:00Z",
        "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-31T10:00:00Z",
    ]


@pytest.mark.parametrize(
    ("query", "from_", "count"),
    [
        ({"from": "2026-11-22T18:07:03.5Z", "to": "2026-11-22T18:30:00Z", "bucket": "hour"}, "2026-11-22T18:00:00Z", 1),
        (
            {"from": "2026-11-22T18:07:03+02:00", "to": "2026-11-22T17:00:00Z", "bucket": "hour"},
            "2026-11-22T16:00:00Z",
            1,
        ),
        ({"from": "2026-11-22T18:07:03Z", "to": "2026-11-23T00:00:01Z"}, "2026-11-22T00:00:00Z", 2),
        ({"from": "2026-11-22T18:07:03Z", "to": "2026-11-23"}, "2026-11-22T00:00:00Z", 1),
        ({"from": "2026-11-22", "to": "2026-11-22"}, "2026-11-22T00:00:00Z", 0),
        ({"to": "2026-11-22"}, "2026-10-23T00:00:00Z", 30),
        ({"from": "9999-12-30", "to": "9999-12-31T23:59:59Z", "bucket": "day"}, "9999-12-30T00:00:00Z", 2),
        ({"from": "9999-12-31T22:00:00Z", "to": "9999-12-31T23:59:59Z", "bucket": "hour"}, "9999-12-31T22:00:00Z", 2),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "0001-01-01T00:00:00Z", 1),
        ({"from": "2026-01-01", "to": "2031-06-24"}, "2026-01-01T00:00:00Z", 2000),
        ({"from": "2026-10-01", "to": "2026-12-23T08:00:00Z", "bucket": "hour"}, "2026-10-01T00:00:00Z", 2000),
        ({"from": "2001-01-01", "to": "2039-05-02", "bucket": "week"}, "2001-01-01T00:00:00Z", 2000),
    ],
)
async def test_windows(
    bot: httpx2.AsyncClient, clock: MovableClock, query: dict[str, str], from_: str, count: int
) -> None:
    clock.put(datetime(2026, 11, 29, 12, tzinfo=UTC))
    found = await series(bot, **query)
    assert found["from"] == from_
    assert len(found["items"]) == count
    assert starts(found) == sorted(set(starts(found)))


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ({"from": "2026-11-23", "to": "2026-11-22"}, ["from"]),
        ({"from": "2026-11-22T00:00:01Z", "to": "2026-11-22"}, ["from"]),
        ({"from": "yesterday", "to": "2026-13-01"}, ["from", "to"]),
        ({"from": "2026-11-22T18:07:03"}, ["from"]),
        ({"bucket": "month"}, ["bucket"]),
        ({"from": "2026-01-01", "to": "2031-06-24T00:00:01Z"}, ["bucket"]),
        ({"from": "2026-10-01", "to": "2026-12-23T08:00:01Z", "bucket": "hour"}, ["bucket"]),
        ({"from": "2001-01-01", "to": "2039-05-03", "bucket": "week"}, ["bucket"]),
        ({"to": "9999-12-31", "from": "0001-01-01", "bucket": "hour"}, ["from"]),
        ({"to": "9999-12-31", "from": "2026-10-01", "bucket": "hour"}, ["bucket"]),
        ({"from": "0001-01-01", "bucket": "week"}, ["bucket"]),
        ({"to": "2020-01-01", "bucket": "hour"}, ["to"]),
        ({"limit": "5"}, ["limit"]),
    ],
)
async def test_windows_that_are_none(
    bot: httpx2.AsyncClient, clock: MovableClock, query: dict[str, str], parameters: list[str]
) -> None:
    clock.put(datetime(2026, 11, 29, 12, tzinfo=UTC))
    response = await bot.get(GUILD, params=query)
    assert response.status_code == 422, response.text
    assert [fault["parameter"] for fault in response.json()["errors"]] == parameters


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
async def test_the_ends_of_all_calendars(bot: httpx2.AsyncClient, zone: str) -> None:
    """Where the guild's clocks already show, or still show, another year."""
    await put_zone(bot, zone)
    for from_, to in (
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("9999-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
    ):
        for bucket in ("hour", "day", "week"):
            for query in ({"from": from_, "to": to}, {"to": to}):
                response = await bot.get(GUILD, params={**query, "bucket": bucket})
                assert response.status_code in {200, 422}, response.text


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("from_", "to"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("0001-01-01T20:00:00Z", "0001-01-09T00:00:00Z"),
        ("9999-12-20T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_the_database_is_never_asked_for_days_up_to_infinity(zone: str, from_: str, to: str) -> None:
    """Which is what asyncpg makes of the calendar's first and last: a series of them would not end."""
    settings = LevelingSettings()
    config = LevelingConfig(HARBOUR, "Harbour", ZoneInfo(zone), settings, level_curve(settings.curve, None))
    buckets: tuple[Bucket, ...] = get_args(Bucket)
    for bucket in buckets:
        try:
            found = window(
                SeriesQuery(from_=from_, to=to, bucket=bucket),
                config,
                CLOCK.now(),
                datetime.min.replace(tzinfo=UTC),
            )
        except Invalid:  # where the guild's clocks leave the calendar
            continue
        asked = hours(found) if bucket == "hour" else days(config, found)
        for edge in asked:
            text = edge.isoformat()
            assert not text.startswith(("0001-01-01T00:00:00+", "9999-12-31T23:59:59.999999"))
            assert text not in {"0001-01-01", "9999-12-31"}
            assert edge.year in {1, 9999}


async def test_hours_beyond_what_is_kept(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    clock.put(datetime(2026, 11, 29, 12, tzinfo=UTC))
    await put_zone(bot, "Asia/Kathmandu")  # its hours begin at a quarter past
    since, before = "2026-08-31T00:15:00Z", "2026-08-31T00:14:59Z"
    assert (await series(bot, **{"from": since, "to": "2026-09-01", "bucket": "hour"}))["from"] == since
    for query in ({"from": before}, {"from": "2020-01-01"}, {"from": before, "to": "2026-09-01"}):
        response = await bot.get(GUILD, params={**query, "bucket": "hour"})
        assert response.status_code == 422, response.text
        (fault,) = response.json()["errors"]
        assert fault == {
            "parameter": "from",
            "message": f"is older than the kept hours, which begin at {since}",
        }
    assert (await series(bot, **{"from": before, "to": "2026-09-01"}))["items"]  # by day all is there


async def test_the_default_of_from_is_what_is_kept(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    clock.put(datetime(2026, 11, 29, 12, tzinfo=UTC))
    for to, from_, hours_ in (
        ("2026-11-30", "2026-10-31T00:00:00Z", 720),
        ("2026-09-01", "2026-08-31T00:00:00Z", 24),
        ("2026-08-31", "2026-08-31T00:00:00Z", 0),
    ):
        found = await series(bot, to=to, bucket="hour")
        assert (found["from"], len(found["items"])) == (from_, hours_)


async def test_another_zone_keeps_the_days(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    day = CLOCK.now().date() - timedelta(days=3)  # whose hours are kept
    window = {"from": str(day - timedelta(days=2)), "to": str(day + timedelta(days=3))}
    await add_day(owner, day, 0, messages=3)
    await add_hour(owner, datetime.combine(day, time(18), UTC), 0, messages=3)
    await put_zone(bot, "Asia/Kathmandu")
    assert filled(await series(bot, **window)) == {f"{day - timedelta(days=1)}T18:15:00Z": [3, 0, 0, 0, 0]}
    found = await series(bot, **window, bucket="hour")
    assert filled(found) == {f"{day}T17:15:00Z": [3, 0, 0, 0, 0]}


async def test_who_may_read(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, reader: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    assert (await bot.get(OF_ADA)).status_code == 404
    await give(bot, ADA, 5)
    assert (await mallory.get(OF_ADA)).status_code == 404
    assert (await mallory.get(GUILD)).status_code == 404
    assert (await reader.get(OF_ADA)).status_code == 200
    await hide(owner, ADA)
    assert (await reader.get(OF_ADA)).status_code == 404
    assert (await bot.get(OF_ADA)).status_code == 200
    assert (await reader.get(GUILD)).status_code == 200
    again = await bot.get(OF_ADA, headers={"If-None-Match": (await bot.get(OF_ADA)).headers["etag"]})
    assert again.status_code == 304
