"""Voice that lasts over midnight counts on both days; its seconds and its XP once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import pytest

from api.activity.pieces import pieces, shares
from api.postgres.engine import PlainConnection
from tests.activity.events import voice
from tests.activity.test_explain import explain
from tests.activity.test_record import Json, message, record
from tests.members.people import leveling, profile
from tests.members.test_levels import guild
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR

BERLIN = ZoneInfo("Europe/Berlin")
TEN_A_MINUTE: Json = {"xp_per_voice_minute": 10, "xp_per_message": {"min": 0, "max": 0}}


def by_day(zone: str, end: datetime, seconds: int) -> dict[str, int]:
    """Seconds by day; no piece is of more than its hour, and none is empty."""
    config = msgspec.structs.replace(guild(), zone=ZoneInfo(zone))
    found: dict[str, int] = {}
    for piece in pieces(config, voice(seconds, occurred_at=end)):
        assert 0 < piece.seconds <= 5400
        found[str(piece.day)] = found.get(str(piece.day), 0) + piece.seconds
    assert sum(found.values()) == seconds
    return found


@pytest.mark.parametrize(
    ("zone", "end", "seconds", "expected"),
    [
        ("UTC", "2026-11-22T12:00:00Z", 300, {"2026-11-22": 300}),
        ("UTC", "2026-11-22T00:02:00Z", 300, {"2026-11-21": 180, "2026-11-22": 120}),
        ("UTC", "2026-11-22T00:00:00Z", 300, {"2026-11-21": 300}),
        ("UTC", "2026-11-22T00:00:00.4Z", 1, {"2026-11-22": 1}),
        ("UTC", "2026-11-22T00:00:01.4Z", 3, {"2026-11-21": 1, "2026-11-22": 2}),
        ("UTC", "2026-11-22T06:00:00Z", 86_400, {"2026-11-21": 64_800, "2026-11-22": 21_600}),
        ("Europe/Berlin", "2026-11-22T00:02:00Z", 300, {"2026-11-22": 300}),
        ("Europe/Berlin", "2026-11-21T23:02:00Z", 300, {"2026-11-21": 180, "2026-11-22": 120}),
        # Days of 23 and of 25 hours.
        (
            "Europe/Berlin", "2026-03-29T22:30:00Z", 86_400,
            {"2026-03-28": 1800, "2026-03-29": 82_800, "2026-03-30": 1800},
        ),
        ("Europe/Berlin", "2026-10-25T22:30:00Z", 86_400, {"2026-10-25": 86_400}),
        ("Pacific/Apia", "2011-12-30T10:01:00Z", 120, {"2011-12-29": 60, "2011-12-31": 60}),
        # At a minute past midnight it was a minute past eleven again.
        ("America/St_Johns", "2006-10-29T03:30:00Z", 7200, {"2006-10-28": 7140, "2006-10-29": 60}),
        ("Australia/Lord_Howe", "2026-04-04T16:00:00Z", 86_400, {"2026-04-04": 39_600, "2026-04-05": 46_800}),
    ],
)  # fmt: skip
def test_seconds_by_day(zone: str, end: str, seconds: int, expected: dict[str, int]) -> None:
    found = by_day(zone, datetime.fromisoformat(end), seconds)
    if zone in ("America/St_Johns", "Australia/Lord_Howe"):  # as each second is placed
        config = msgspec.structs.replace(guild(), zone=ZoneInfo(zone))
        expected = {}
        for number in range(seconds):
            day = str(config.day_of(datetime.fromisoformat(end) - timedelta(seconds=number + 1)))
            expected[day] = expected.get(day, 0) + 1
    assert found == expected


def test_shares_add_up() -> None:
    parts = pieces(guild(), voice(86_400, occurred_at=datetime(2026, 11, 22, 6, 7, 8, tzinfo=UTC)))
    for xp in (0, 1, 2, 24, 25, 86_399, 1_440_000_000):
        found = [share for _, share in shares(xp, parts)]
        assert sum(found) == xp
        assert min(found) >= 0


def midnight(clock: MovableClock) -> datetime:
    """Moves on to ten past midnight of the guild, and gives the midnight."""
    day = clock.now().astimezone(BERLIN).date() + timedelta(days=1)
    found = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)
    clock.put(found + timedelta(minutes=10))
    return found


async def days(owner: PlainConnection) -> dict[date, tuple[int, int, int]]:
    rows = await owner.fetch(
        "SELECT day, voice_seconds, xp, events FROM activity_days WHERE user_id = $1 ORDER BY day", ADA
    )
    return {row[0]: tuple(row)[1:] for row in rows}


async def test_both_days(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Europe/Berlin"})
    await leveling(bot, **TEN_A_MINUTE)
    at = midnight(clock)
    today, yesterday = at.astimezone(BERLIN).date(), at.astimezone(BERLIN).date() - timedelta(days=1)
    event = message("1", at=at + timedelta(seconds=100)) | {"type": "voice", "seconds": 3701}
    assert (await explain(bot, event))[0]["xp"] == 617
    await record(bot, event, event)
    assert await days(owner) == {yesterday: (3601, 600, 1), today: (100, 17, 1)}
    hours = await owner.fetch(
        "SELECT hour, voice_seconds, xp FROM activity_hours WHERE user_id = $1 ORDER BY hour", ADA
    )
    assert [tuple(row) for row in hours] == [
        (at - timedelta(hours=2), 1, 0), (at - timedelta(hours=1), 3600, 600), (at, 100, 17),
    ]  # fmt: skip
    ada = await profile(bot, ADA)
    assert (ada["xp"], ada["stats"]["voice_seconds"]) == (617, 3701)
    assert ada["streak"] == {"current": 2, "best": 2}


async def test_each_day_has_its_cap(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Europe/Berlin"})
    await leveling(bot, **TEN_A_MINUTE, daily_xp_cap=50)
    at = midnight(clock)
    today, yesterday = at.astimezone(BERLIN).date(), at.astimezone(BERLIN).date() - timedelta(days=1)
    before = message("0", at=at - timedelta(minutes=30)) | {"type": "voice", "seconds": 120}
    over = message("1", at=at + timedelta(seconds=120)) | {"type": "voice", "seconds": 720}
    first, second = await explain(bot, before, over)
    assert (first["xp"], first["cap"], second["xp"], second["cap"]) == (20, 50, 50, 80)
    assert second["reason"] == "The daily cap of 50 XP left 80 XP on its 2 days together."
    await record(bot, over, before)
    assert await days(owner) == {yesterday: (720, 50, 2), today: (120, 20, 1)}
