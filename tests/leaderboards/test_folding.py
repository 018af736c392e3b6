"""Sums up to the ends of months: boards that are read from them are those of the days."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import pairwise

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from api.guilds.purging import Purging
from api.leaderboards import folding_queries
from api.leaderboards.folding import Folding
from api.leaderboards.rules import CHECKPOINTS_COST, cover
from api.leaderboards.snapshots import Snapshots
from api.members.queries import TOTALS_LOCK
from api.postgres.engine import PlainConnection
from tests.imports.files import event, imported, lines
from tests.leaderboards.conftest import Put, PutDay
from tests.leaderboards.test_board import board, ranked, standings, whole
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR
from tests.support.wiring import services_of

DAY = timedelta(days=1)
DAYS = st.dates(date(2025, 9, 20), date(2026, 11, 30))


@pytest.fixture
async def folding(litestar_app: Litestar) -> AsyncIterator[Folding]:
    """Of which every guild with a member is large; its boards are snapshots."""
    found: Folding = services_of(litestar_app).folding
    snapshots: Snapshots = services_of(litestar_app).snapshots
    before = found.large, snapshots.large
    found.large = snapshots.large = 0
    snapshots.clear()
    yield found
    found.large, snapshots.large = before
    snapshots.clear()


async def checkpoints(owner: PlainConnection) -> list[date]:
    """Those that boards may be read from."""
    return [row["day"] for row in await owner.fetch(folding_queries.CHECKPOINTS, HARBOUR)]


async def year(bot: httpx2.AsyncClient, clock: MovableClock) -> list[tuple[int, str, int]]:
    """The board of the year that ends today, by a new snapshot."""
    clock.move(seconds=11)
    today = clock.now().date()
    return standings(await whole(bot, stat="messages", from_=today - 364 * DAY, to=today))


@given(DAYS, DAYS, st.sets(DAYS, max_size=6))
def test_a_cover_is_the_window(first: date, last: date, days: set[date]) -> None:
    first, last = min(first, last), max(first, last)
    found = cover(first, last, sorted(days))
    if found is None:
        return
    origin = date(2025, 1, 1)
    counted = dict.fromkeys(range((found.before - origin).days + 1, (found.until - origin).days + 1), 1)
    read = CHECKPOINTS_COST
    for begins, ends, sign in found.days:
        for day in range((begins - origin).days, (ends - origin).days + 1):
            counted[day] = counted.get(day, 0) + sign
            read += 1
    window = {(first - origin).days + n for n in range((last - first).days + 1)}
    assert {day for day, times in counted.items() if times} == window
    assert set(counted.values()) <= {0, 1}
    assert read < len(window)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(DAYS, st.dictionaries(st.integers(1, 9), st.integers(-3, 5), min_size=1), min_size=1, max_size=25),
    st.lists(st.tuples(DAYS, DAYS), min_size=3, max_size=5),
)
async def test_boards_are_those_of_the_days(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    folding: Folding,
    litestar_app: Litestar,
    days: dict[date, dict[int, int]],
    windows: list[tuple[date, date]],
) -> None:
    await owner.execute("TRUNCATE members, activity_days, activity_totals, activity_checkpoints CASCADE")
    await put(dict.fromkeys(range(1, 10), 0))
    for day, values in days.items():
        await put_day(day, values)
    await folding.run()
    services_of(litestar_app).snapshots.clear()
    for window in [*windows, (date(2025, 12, 1), date(2026, 11, 30)), (date(2025, 12, 20), date(2026, 9, 10))]:
        first, last = min(window), max(window)
        expected: dict[int, int] = {}
        for day, values in days.items():
            if first <= day <= last:
                for user, value in values.items():
                    expected[user] = expected.get(user, 0) + value
        found = await whole(bot, stat="messages", from_=first, to=last)
        assert standings(found) == ranked({user: value for user, value in expected.items() if value})


async def test_a_year_and_no_more(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    folding: Folding,
    clock: MovableClock,
) -> None:
    await put({1: 0, 2: 0})
    today = clock.now().date()
    await put_day(today - 800 * DAY, {1: 100})
    await put_day(today - 364 * DAY, {1: 3})
    await put_day(today, {2: 1})
    await folding.run()
    found = await checkpoints(owner)
    assert found[0] <= today - 365 * DAY
    assert found[0] > today - 400 * DAY
    assert found[-1] <= today - 10 * DAY
    assert all(later == (earlier + 32 * DAY).replace(day=1) - DAY for earlier, later in pairwise(found))
    assert cover(today - 364 * DAY, today, found) is not None
    assert await year(bot, clock) == [(1, "1", 3), (2, "2", 1)]
    await folding.run()
    assert await checkpoints(owner) == found
    clock.move(days=70)
    await folding.run()
    later = await checkpoints(owner)
    assert len(later) <= 14
    assert found[0] not in later
    rows = await owner.fetch("SELECT DISTINCT day FROM activity_totals ORDER BY day")
    assert {row["day"] for row in rows} <= set(later)


async def test_days_that_are_written_late(
    bot: httpx2.AsyncClient, owner: PlainConnection, put_day: PutDay, folding: Folding, clock: MovableClock
) -> None:
    """Count at once, and are added up the next time."""
    today = clock.now().date()
    old = today - 200 * DAY
    at = f"{old.isoformat()}T10:00:00Z"
    await imported(bot, "events", lines(event(1, f"{(today - 300 * DAY).isoformat()}T10:00:00Z")))
    await folding.run()
    before = await checkpoints(owner)
    assert before
    await imported(bot, "events", lines(event(2, at), event(3, at)))
    usable = await checkpoints(owner)
    assert usable == [day for day in before if day < old]
    assert await year(bot, clock) == [(1, str(ADA), 3)]
    await folding.run()
    assert await checkpoints(owner) == before
    assert await year(bot, clock) == [(1, str(ADA), 3)]
    day = {"day": {"day": old.isoformat(), "user_id": str(ADA), "messages": 50}}
    for dry_run in (True, False):
        assert await checkpoints(owner) == before
        await imported(bot, "guildhall", lines({"guildhall": 1}, day), mode="set", dry_run=dry_run)
    assert await owner.fetchval("SELECT messages FROM activity_days WHERE day = $1 AND user_id = $2", old, ADA) == 50
    assert await checkpoints(owner) == usable
    assert await year(bot, clock) == [(1, str(ADA), 51)]


@pytest.mark.parametrize("how", ["erased", "left"])
async def test_who_is_gone_is_in_no_sum(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    folding: Folding,
    clock: MovableClock,
    how: str,
) -> None:
    reset = {"on_leave": "reset"}
    assert (await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=reset)).status_code == 200
    await put({ADA: 0, 2: 0})
    await put_day(clock.now().date() - 200 * DAY, {ADA: 3, 2: 1})
    await folding.run()
    before = await checkpoints(owner)
    assert await owner.fetchval("SELECT count(*) FROM activity_totals WHERE user_id = $1", ADA)
    path = f"/v1/users/{ADA}" if how == "erased" else f"/v1/guilds/{HARBOUR}/members/{ADA}"
    assert (await bot.delete(path)).is_success
    assert not await owner.fetchval("SELECT count(*) FROM activity_totals WHERE user_id = $1", ADA)
    assert await checkpoints(owner) == before
    assert await year(bot, clock) == [(1, "2", 1)]


async def test_who_goes_while_sums_are_made(
    bot: httpx2.AsyncClient, owner: PlainConnection, put: Put, put_day: PutDay, folding: Folding, clock: MovableClock
) -> None:
    """They may have been read already: the sums are made anew, and nobody waits."""
    await put({ADA: 0, 2: 0})
    await put_day(clock.now().date() - 200 * DAY, {ADA: 3, 2: 1})
    await folding.run()
    made = await checkpoints(owner)
    key = HARBOUR % 2147483647
    async with owner.transaction():
        await owner.execute(f"SELECT pg_advisory_xact_lock({TOTALS_LOCK}, {key})")
        assert (await bot.delete(f"/v1/users/{ADA}")).is_success
    assert await checkpoints(owner) == []
    await folding.run()
    assert await checkpoints(owner) == made
    assert not await owner.fetchval("SELECT count(*) FROM activity_totals WHERE user_id = $1", ADA)


async def test_they_go_with_their_guild(
    bot: httpx2.AsyncClient,
    owner: PlainConnection,
    put: Put,
    put_day: PutDay,
    folding: Folding,
    litestar_app: Litestar,
    clock: MovableClock,
) -> None:
    await put({1: 0})
    await put_day(clock.now().date() - 200 * DAY, {1: 3})
    await folding.run()
    await owner.execute("INSERT INTO activity_rewrites VALUES ($1, $2)", HARBOUR, clock.now().date())
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}")).is_success
    clock.move(days=31)
    services = services_of(litestar_app)
    purging = Purging(services.database, services.watcher, clock, timedelta(days=30))
    assert await purging.purge_all() == 1
    for table in ("activity_totals", "activity_checkpoints", "activity_rewrites"):
        assert not await owner.fetchval(f"SELECT count(*) FROM {table}")


async def test_recording_makes_nothing_stale(
    bot: httpx2.AsyncClient, owner: PlainConnection, put: Put, put_day: PutDay, folding: Folding, clock: MovableClock
) -> None:
    """An event is seven days old at most, and no sum is of so late a day."""
    await put({ADA: 0})
    await put_day(clock.now().date() - 200 * DAY, {ADA: 3})
    await folding.run()
    made = await checkpoints(owner)
    late = clock.now() - timedelta(days=6, hours=23)
    await bot.post(
        f"/v1/guilds/{HARBOUR}/activity",
        json={"events": [{"id": "1", "type": "message", "user_id": str(ADA), "occurred_at": late.isoformat()}]},
    )
    assert not await owner.fetchval("SELECT count(*) FROM activity_rewrites")
    assert made[-1] < late.date()
    assert (await board(bot, stat="messages", period="day", at=late.date()))["member_count"] == 1
    assert await year(bot, clock) == [(1, str(ADA), 4)]
