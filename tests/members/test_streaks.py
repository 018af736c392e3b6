"""Streaks: runs of the guild's days on which a member did anything."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import httpx2
import pytest

from api.lib import times
from api.members.streaks import Run, current, with_day
from api.postgres.engine import PlainConnection
from tests.members.people import Json, give, leveling, profile
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY

DAY = timedelta(days=1)


def day(number: int) -> date:
    return date(2026, 2, 25) + number * DAY


ADDED: list[tuple[int | None, int | None, int, int, tuple[int, int, int] | None]] = [
    (None, None, 0, 3, (3, 3, 1)),  # the first day
    (None, None, 5, 3, (3, 3, 5)),
    (3, 3, 1, 3, (3, 3, 1)),  # the same day again
    (3, 3, 1, 4, (3, 4, 2)),
    (3, 4, 2, 5, (3, 5, 3)),  # the turn of the month is none
    (3, 5, 3, 4, (3, 5, 3)),  # within the run
    (3, 5, 3, 3, (3, 5, 3)),
    (3, 5, 7, 6, (3, 6, 7)),  # an older run was longer
    (3, 9, 7, 10, (3, 10, 8)),  # until now
    (3, 5, 3, 7, (7, 7, 3)),  # a day was missed
    (3, 5, 3, 300, (300, 300, 3)),
    (3, 5, 3, 2, None),  # before the run: the days themselves must tell
    (3, 5, 3, 1, None),
    (3, 5, 3, -300, None),
]


def test_one_more_day() -> None:
    """Start, end and best, the day that is added, and what becomes of it."""
    wrong = {}
    for start, end, best, added, expected in ADDED:
        first, last = (None if number is None else day(number) for number in (start, end))
        found = with_day(first, last, best, day(added))
        if found != (None if expected is None else Run(day(expected[0]), day(expected[1]), expected[2])):
            wrong[start, end, best, added] = found
    assert not wrong


def test_days_in_their_order() -> None:
    """Against a count of all days, whatever days there are."""
    dice = random.Random(20_261_124)  # noqa: S311 # days, no secret
    for _ in range(50):
        days = sorted(dice.sample(range(60), dice.randint(1, 50)))
        start: date | None = None
        end: date | None = None
        best = 0
        for number in days:
            run = with_day(start, end, best, day(number))
            assert run is not None
            start, end, best = run
        lengths = [length(number, set(days)) for number in days]
        assert (start, end, best) == (day(days[-1] - lengths[-1] + 1), day(days[-1]), max(lengths))


def length(number: int, days: set[int]) -> int:
    """Of the run that ends on this day."""
    return 1 + length(number - 1, days) if number in days else 0


STANDING = {
    (3, 5, 5): 3,
    (3, 5, 6): 3,
    (3, 5, 7): 0,
    (3, 5, 300): 0,
    (5, 5, 5): 1,
    (5, 5, 6): 1,
    (5, 5, 7): 0,
    (3, 5, 4): 3,  # the time zone was changed, and today is yesterday again
}


def test_as_it_stands_today() -> None:
    """Start, end and today."""
    assert {run: current(day(run[0]), day(run[1]), day(run[2])) for run in STANDING} == STANDING
    assert current(None, None, day(3)) == 0


def at_noon(clock: MovableClock) -> datetime:
    """Moves on to a day's noon, in UTC, and gives it."""
    noon = (clock.now() + DAY).replace(hour=12, minute=0, second=0, microsecond=0)
    clock.put(noon)
    return noon


async def zone(bot: httpx2.AsyncClient, name: str, guild_id: int = HARBOUR) -> None:
    response = await bot.patch(f"/v1/guilds/{guild_id}", json={"timezone": name})
    assert response.status_code == 200, response.text


def message(at: datetime, user_id: int = ADA, **more: object) -> Json:
    event = {"type": "message", "id": f"{user_id} {at.isoformat()}", "user_id": str(user_id)}
    return {**event, "occurred_at": at.isoformat(), **more}


async def record(bot: httpx2.AsyncClient, *events: Json, guild_id: int = HARBOUR) -> None:
    answer = await bot.post(f"/v1/guilds/{guild_id}/activity", json={"events": events})
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == len(events)


async def streak(bot: httpx2.AsyncClient, user_id: int = ADA, guild_id: int = HARBOUR) -> tuple[int, int]:
    """The current and the best."""
    found = (await profile(bot, user_id, guild_id))["streak"]
    return found["current"], found["best"]


async def test_days_are_the_guilds(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """The same two moments: two days at one end of the world, one at the other."""
    noon = at_noon(clock)
    await zone(bot, "Pacific/Kiritimati")  # noon is 2 in the morning of the next day
    moments = noon - timedelta(hours=3), noon
    for guild_id in (HARBOUR, QUARRY):
        await record(bot, *(message(at) for at in moments), guild_id=guild_id)
    assert await streak(bot) == (2, 2)
    assert await streak(bot, guild_id=QUARRY) == (1, 1)
    clock.move(hours=23)  # 1 in the morning of the day after, there
    assert await streak(bot) == (2, 2)
    clock.move(hours=22)  # still that day
    assert await streak(bot) == (2, 2)
    clock.move(hours=1)  # yesterday was missed
    assert await streak(bot) == (0, 2)
    assert await streak(bot, guild_id=QUARRY) == (0, 1)


async def test_today_and_yesterday_in_utc(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    noon = at_noon(clock)
    await record(bot, message(noon))
    clock.move(hours=35.9)
    assert await streak(bot) == (1, 1)
    clock.move(hours=0.2)
    assert await streak(bot) == (0, 1)
    await record(bot, message(clock.now()))
    assert await streak(bot) == (1, 1)


async def test_anything_counts_that_was_accepted(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Whatever it is, whether it earns anything or not; XP by hand is nothing that they did."""
    noon = at_noon(clock)
    await leveling(bot, enabled=False)
    stat = message(noon) | {"type": "stat", "stat": "duels", "amount": 0}
    voice = message(noon - DAY) | {"type": "voice", "seconds": 1}
    command = message(noon - 2 * DAY) | {"type": "command", "name": "rank"}
    reaction = message(noon - 3 * DAY) | {"type": "reaction"}
    await record(bot, stat, voice, command, reaction, message(noon - 4 * DAY))
    assert await streak(bot) == (5, 5)
    await give(bot, BO, 100)
    assert await streak(bot, BO) == (0, 0)


async def test_what_is_refused_counts_for_nothing(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    noon = at_noon(clock)
    await record(bot, message(noon))
    late = [message(noon - 8 * DAY), message(noon + DAY), message(noon)]
    answer = await bot.post(f"/v1/guilds/{HARBOUR}/activity", json={"events": late})
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (0, 1)
    assert await streak(bot) == (1, 1)


async def runs(owner: PlainConnection) -> dict[int, tuple[date, date, int]]:
    rows = await owner.fetch("SELECT user_id, streak_from, streak_to, streak_best FROM members")
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def test_late_days_join_in_every_order(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """Five days with a gap, each sent by a request of its own, in all 120 orders."""
    noon = at_noon(clock)
    orders = list(permutations((0, 1, 3, 4, 5)))
    for step in range(5):
        events = [message(noon - order[step] * DAY, 1000 + user) for user, order in enumerate(orders)]
        await record(bot, *events)
    today = noon.date()
    expected = (today - DAY, today, 3)
    assert {user: found for user, found in (await runs(owner)).items() if found != expected} == {}
    for user in (1000, 1119):
        assert await streak(bot, user) == (2, 3)


async def test_late_days_join_in_every_split(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """Six days with a gap, split into two requests in all ways: several late days come at once."""
    noon = at_noon(clock)
    days = (0, 1, 2, 4, 5, 6)
    for half in (0, 1):
        await record(
            bot,
            *(
                message(noon - number * DAY + timedelta(minutes=1), 1000 + split)
                for split in range(64)
                for place, number in enumerate(days)
                if split >> place & 1 == half
            ),
        )
    today = noon.date()
    expected = (today - 2 * DAY, today, 3)
    assert {user: found for user, found in (await runs(owner)).items() if found != expected} == {}


async def test_the_missing_day_joins_two_runs(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    noon = at_noon(clock)
    for number in (6, 5, 4, 2, 1, 0):
        await record(bot, message(noon - number * DAY))
    assert await streak(bot) == (3, 3)
    await record(bot, message(noon - 3 * DAY, type="reaction"))
    assert await streak(bot) == (7, 7)


async def test_late_days_that_join_nothing_current(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """An older run grows longer than the latest one, which stays as it is."""
    noon = at_noon(clock)
    await record(bot, message(noon), message(noon - 6 * DAY))
    for number, best in ((5, 2), (3, 2), (4, 4)):
        await record(bot, message(noon - number * DAY))
        assert await streak(bot) == (1, best)


SKIPPED = {
    "Pacific/Apia": [date(2011, 12, 30)],
    "Pacific/Fakaofo": [date(2011, 12, 30)],
    "Pacific/Kwajalein": [date(1993, 8, 21)],
    "Pacific/Kiritimati": [date(1994, 12, 31)],
    "Asia/Manila": [date(1844, 12, 31)],
    "America/Juneau": [],  # it has a day twice
    "Europe/Berlin": [],
    "UTC": [],
}


@pytest.mark.parametrize("zone", SKIPPED)
def test_days_that_there_never_were(zone: str) -> None:
    found = times.skipped_days(ZoneInfo(zone))
    assert list(found) == SKIPPED[zone]
    for missing in found:
        before, after = missing - DAY, missing + DAY
        assert with_day(before, before, 1, after, found) == Run(before, after, 2)
        assert with_day(before, before, 1, after + DAY, found) == Run(after + DAY, after + DAY, 1)
        assert current(before - DAY, before, after, found) == 2
        assert current(before, after, after, found) == 2
        assert current(before, before, after + DAY, found) == 0


def test_a_run_at_the_end_of_the_calendar() -> None:
    """A restored one, of before such days were refused."""
    assert with_day(date.max, date.max, 1, day(5)) is None
    assert with_day(date.min, date.min, 1, day(5)) == Run(day(5), day(5), 1)
    assert current(date.max, date.max, day(5)) == 1


@pytest.mark.parametrize("order", list(permutations((28, 29, 31))))
async def test_a_day_that_never_was_is_no_gap(
    bot: httpx2.AsyncClient, clock: MovableClock, order: tuple[int, ...]
) -> None:
    """Apia went from the 29th to the 31st of December 2011."""
    await bot.put(f"/v1/guilds/{HARBOUR}", json={"name": "Harbour", "timezone": "Pacific/Apia"})
    now = datetime(2011, 12, 31, 4, tzinfo=UTC)
    clock.put(now)
    apia = ZoneInfo("Pacific/Apia")
    for number in order:
        await record(bot, message(datetime(2011, 12, number, 12, tzinfo=apia).astimezone(UTC)))
    assert await streak(bot) == (3, 3)
