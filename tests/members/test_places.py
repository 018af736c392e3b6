"""The guild's day and hour of a moment do not depend on which moments were asked for before."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from api.lib import times

# Clocks that turned within a quarter of an hour, a day that never was, and offsets of odd minutes.
PEOPLE_LOCK = [
    ("America/St_Johns", datetime(2010, 3, 14, 3, 31, tzinfo=UTC)),
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),
    ("America/Goose_Bay", datetime(2010, 11, 7, 3, 1, tzinfo=UTC)),
    ("Antarctica/Casey", datetime(2018, 3, 10, 17, 0, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ("Africa/Monrovia", datetime(1971, 6, 1, 0, 44, 30, tzinfo=UTC)),
]


def _expected(zone: ZoneInfo, moment: datetime) -> times.Place:
    local = moment.astimezone(zone)
    return local.date(), local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


@pytest.mark.parametrize(("name", "turn"), PEOPLE_LOCK, ids=[f"{name} {turn:%Y-%m-%d}" for name, turn in PEOPLE_LOCK])
def test_around_a_turn_of_the_clocks(name: str, turn: datetime) -> None:
    zone = ZoneInfo(name)
    moments = [turn + timedelta(seconds=each) for each in range(-2700, 2700, 7)]
    for order in (moments, moments[::-1], random.Random(5).sample(moments, len(moments))):  # noqa: S311 - repeatable
        times._places.clear()
        for moment in order:
            assert times.place(zone, moment) == _expected(zone, moment)


def test_in_every_zone() -> None:
    chance = random.Random(7)  # noqa: S311 - the same moments every time
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for _ in range(12):
            moment = datetime.fromtimestamp(chance.randrange(-2_000_000_000, 2_000_000_000), UTC)
            for seconds in (0, 61, 600):
                later = moment + timedelta(seconds=seconds)
                assert times.place(zone, later) == _expected(zone, later), name
