"""`GET …/members/{user_id}/activity` and `GET …/activity`: hours, days and weeks of a guild's clocks."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

import httpx2
import pytest

from api.postgres.engine import PlainConnection
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
