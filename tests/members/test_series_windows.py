"""Windows of time series: which are possible, where they begin, and the ends of the calendar."""

from datetime import UTC, datetime
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
from tests.members.test_series import GUILD, put_zone, series, starts
from tests.support.clock import CLOCK, MovableClock
from tests.support.people import HARBOUR


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
