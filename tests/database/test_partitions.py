"""A partition that another process drops is made again, whoever writes to it; none is missing ahead."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import asyncpg
import httpx2
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from api.http.problems import classify
from api.postgres.engine import PlainConnection
from api.postgres.partitions import TABLES
from tests.achievements.support import OF_HARBOUR, define, draft
from tests.achievements.test_backfill import finished
from tests.activity.test_record import message, record
from tests.activity.test_upkeep import parts, run_upkeep
from tests.imports.files import Json, event, imported, lines
from tests.members.people import leveling
from tests.support.clock import CLOCK, MovableClock
from tests.support.people import ADA, BO, HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}"
ADAS = f"{GUILD}/members/{ADA}"
LAST = date(9000, 1, 1)

Writer = Callable[[httpx2.AsyncClient, str], Awaitable[None]]


async def drop(owner: PlainConnection) -> None:
    """As another process may, whose clock, or whose configuration, is another."""
    for table in (*TABLES, "stream_events"):
        while await owner.fetchval("SELECT guildhall_drop_partition($1, $2)", table, LAST):
            pass


def _named(id_: str, at: str, user_id: int = ADA, **more: object) -> Json:
    return event(0, at, user_id, id=id_, **more)


async def _record(bot: httpx2.AsyncClient, run: str) -> None:
    stat = {**message(f"{run}-2"), "type": "stat", "stat": "duels", "amount": 2}
    assert (await record(bot, message(f"{run}-1"), stat))["accepted"] == 2


async def _reward(bot: httpx2.AsyncClient, run: str) -> None:
    """XP that comes now, of an event of another month."""
    await define(bot, draft(run, gte=1, rewards={"xp": 5}))
    answer = await record(bot, message(run, BO, at=CLOCK.now() - timedelta(days=6, hours=23)))
    assert run in {each["achievement"] for each in answer["achievements_unlocked"]}


async def _give_xp(bot: httpx2.AsyncClient, _run: str) -> None:
    assert (await bot.post(f"{ADAS}/xp", json={"amount": 5})).status_code == 200


async def _award(bot: httpx2.AsyncClient, run: str) -> None:
    await define(bot, draft(run, gte=99, rewards={"xp": 5}))
    assert (await bot.put(f"{ADAS}/achievements/{run}")).status_code == 201


async def _revoke(bot: httpx2.AsyncClient, _run: str) -> None:
    assert (await bot.delete(f"{ADAS}/achievements/given-before")).status_code == 204
    assert (await bot.put(f"{ADAS}/achievements/given-before")).status_code == 201


async def _award_to_all(bot: httpx2.AsyncClient, run: str) -> None:
    await bot.post(OF_HARBOUR, json=draft(run, stat="xp", gte=1, retroactive=True, rewards={"xp": 5}))
    assert (await finished(bot, f"{OF_HARBOUR}/{run}"))["awarding"]["status"] == "finished"


async def _import_events(bot: httpx2.AsyncClient, run: str) -> None:
    old = [_named(f"{run}{year}", f"{year}-05-06T07:08:09Z") for year in (2015, 2020)]
    stat = _named(f"{run}1", "2016-05-06T07:08:09Z", type="stat", stat="duels", amount=2)
    new = _named(f"{run}2", (CLOCK.now() - timedelta(days=20)).isoformat())
    found = await imported(bot, "events", lines(*old, stat, new))
    assert (found["status"], found["counts"]["imported"]) == ("finished", 4), found


async def _import_rewards(bot: httpx2.AsyncClient, run: str) -> None:
    """XP for a streak, which is mended when all events are counted."""
    await define(bot, draft(run, stat="streak", gte=3, rewards={"xp": 5}))
    days = [_named(f"{run}{day}", f"2017-05-{day:02}T07:08:09Z", BO) for day in (3, 1, 2)]
    assert (await imported(bot, "events", lines(*days)))["counts"]["imported"] == 3


async def _restore(bot: httpx2.AsyncClient, run: str) -> None:
    day, hour, value = "2014-05-06", "2014-05-06T07:00:00Z", len(run) + 1
    found = await imported(
        bot,
        "guildhall",
        lines(
            {"guildhall": 1, "guild_id": str(HARBOUR), "exported_at": "2020-01-01T00:00:00Z"},
            {"day": {"day": day, "user_id": str(ADA), "xp": value, "messages": value, "events": value}},
            {"hour": {"hour": hour, "user_id": str(ADA), "xp": value, "messages": value}},
            {"stat_day": {"day": day, "user_id": str(ADA), "stat": "duels", "value": value}},
            {"event_ids": {"week": "2014-05-05", "ids": [run]}},
        ),
        mode="set",
    )
    assert (found["status"], found["counts"]["refused"]) == ("finished", 0), found


@pytest.mark.parametrize(
    "write",
    [_record, _reward, _give_xp, _award, _revoke, _award_to_all, _import_events, _import_rewards, _restore],
    ids=lambda each: each.__name__.strip("_"),
)
async def test_dropped_by_another_process(bot: httpx2.AsyncClient, owner: PlainConnection, write: Writer) -> None:
    await leveling(bot, cooldown_seconds=0)
    await _give_xp(bot, "")
    await define(bot, draft("given-before", gte=99, rewards={"xp": 5}))
    assert (await bot.put(f"{ADAS}/achievements/given-before")).status_code == 201
    await write(bot, "before")  # now this process believes that all its partitions are there
    await drop(owner)
    await write(bot, "then")


async def test_dropped_while_events_are_numbered(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """The numbering finds the partition of today, waits for who drops it, and then has none."""
    await bot.patch(GUILD, json={"locale": "de"})
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    dropping = owner.transaction()
    await dropping.start()
    await drop(owner)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stream_events'::regclass"
    with capture_logs() as logs:
        await bot.patch(GUILD, json={"locale": "fr"})
        async with asyncio.timeout(5):
            while not await owner.fetchval(waits):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        await dropping.commit()
        async with asyncio.timeout(5):
            while await owner.fetchval("SELECT count(*) FROM outbox"):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
    assert not [entry for entry in logs if entry["log_level"] == "warning"], "no connection was made anew"


async def test_none_is_missing_ahead(litestar_app: Litestar, owner: PlainConnection, clock: MovableClock) -> None:
    await drop(owner)
    await run_upkeep(litestar_app, clock)
    today = clock.now().date()
    days = [today + timedelta(days=n) for n in range(32)]
    for table in TABLES:
        there = await parts(owner, table)
        for day in days:
            name = await owner.fetchval("SELECT name FROM guildhall_partition($1, $2)", table, day)
            assert name in there, (table, day)


async def test_old_events_where_days_are_kept_for_a_while(
    bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection, clock: MovableClock
) -> None:
    """What an import brings is older than what is kept: it is dropped, and another import may bring more of it."""
    for run in ("first", "second"):
        found = await imported(bot, "events", lines(_named(run, "2013-05-06T07:08:09Z")))
        assert found["counts"]["imported"] == 1, found
        await run_upkeep(litestar_app, clock)
        assert "activity_days_2013_05_01" not in await parts(owner, "activity_days")
    assert (await bot.get(ADAS)).json()["stats"]["messages"] == 2


def refusal(kind: type[asyncpg.PostgresError], **members: str) -> asyncpg.PostgresError:
    error = kind("refused")
    for name, value in members.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusal(asyncpg.CheckViolationError, constraint_name="members_xp_check"), 500),
        (refusal(asyncpg.NotNullViolationError, column_name="xp"), 500),
        (refusal(asyncpg.CheckViolationError, table_name="activity_ids"), 503),
        (asyncpg.DataError("$1: a value out of range"), 422),
        (asyncpg.UntranslatableCharacterError("NUL"), 422),
        (asyncpg.NumericValueOutOfRangeError("too large"), 422),
        (asyncpg.DivisionByZeroError("by zero"), 500),
        (asyncpg.UniqueViolationError("key"), 409),
        (asyncpg.ForeignKeyViolationError("key"), 404),
        (asyncpg.DeadlockDetectedError("deadlock"), 503),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else None,
)
def test_a_refusal_is_never_an_empty_422(error: Exception, status: int) -> None:
    ours = classify(error)
    assert ours.status == status
    assert bool(ours.errors) == (status == 422)
