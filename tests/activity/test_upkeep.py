"""Partitions are made ahead and dropped when they are old, and lose their rows with a guild."""

import asyncio
from datetime import date, timedelta

import httpx2
import pytest
from litestar import Litestar

from api.activity.upkeep import Upkeep
from api.postgres import batches
from api.postgres.engine import PlainConnection
from api.postgres.partitions import TABLES, Partitions
from tests.activity.test_record import message, record
from tests.support.clock import MovableClock
from tests.support.people import ADA
from tests.support.today import needs_time_outs
from tests.support.wiring import services_of


def upkeep(app: Litestar, clock: MovableClock) -> Upkeep:
    days, database = timedelta(days=30), services_of(app).database
    return Upkeep(database, Partitions(database), clock, hours=days * 3, days=days * 14)


async def run_upkeep(app: Litestar, clock: MovableClock) -> None:
    """Runs it. The application's own may just be running: then it waits."""
    async with asyncio.timeout(10):
        while not await upkeep(app, clock).run():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


async def parts(owner: PlainConnection, table: str) -> list[str]:
    rows = await owner.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1", table
    )
    return [row["name"] for row in rows]


async def test_parts_come_and_go(litestar_app: Litestar, owner: PlainConnection, clock: MovableClock) -> None:
    today = clock.now().date()
    for table in TABLES:
        await owner.execute("SELECT guildhall_create_partition($1, $2)", table, date(2015, 3, 9))
    await run_upkeep(litestar_app, clock)
    for table in TABLES:
        names = await parts(owner, table)
        assert not any("2015" in name for name in names), "what is old is dropped"
        assert f"{table}_{today.replace(day=1):%Y_%m}" in "".join(names), "the present is there"
        assert len(names) >= 2, "and what comes next"
    assert "activity_ids_9999_12_27" in await parts(owner, "activity_ids")


async def test_each_old_part_goes_in_a_transaction_of_its_own(
    litestar_app: Litestar, owner: PlainConnection, clock: MovableClock
) -> None:
    """Until it ends, nobody reads or writes the table."""
    for table in TABLES:
        for year in (2015, 2016, 2017):
            await owner.execute("SELECT guildhall_create_partition($1, $2)", table, date(year, 3, 9))
        before = await parts(owner, table)
        assert await owner.fetchval("SELECT guildhall_drop_partition($1, $2)", table, date(2018, 1, 1)) == 1
        [gone] = set(before) - set(await parts(owner, table))
        assert "2015" in gone
    await run_upkeep(litestar_app, clock)
    for table in TABLES:
        assert not any("201" in name for name in await parts(owner, table))


async def test_what_is_over_goes_in_batches(
    litestar_app: Litestar, owner: PlainConnection, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_SIZE", 3)
    await owner.execute(
        "INSERT INTO erased_people (digest, guild_id, erased_at, only_left)"
        " SELECT sha256(n::text::bytea), 0, CASE WHEN n = 8 THEN $1 ELSE timestamptz '2020-01-01' END, false"
        " FROM generate_series(1, 8) n",
        clock.now(),
    )
    await run_upkeep(litestar_app, clock)
    assert await owner.fetchval("SELECT count(*) FROM erased_people") == 1


async def test_two_at_once(litestar_app: Litestar, owner: PlainConnection, clock: MovableClock) -> None:
    await owner.execute("SELECT pg_advisory_lock($1)", 0x70617274)
    try:
        clock.move(days=400)
        before = await parts(owner, "activity_days")
        assert not await upkeep(litestar_app, clock).run()
        assert await parts(owner, "activity_days") == before
    finally:
        await owner.execute("SELECT pg_advisory_unlock($1)", 0x70617274)


@needs_time_outs
async def test_what_fails_ends_nothing_else(
    bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection, clock: MovableClock
) -> None:
    """Somebody reads an old part, so that it cannot be dropped: all others are, and it is at the next time."""
    for table in TABLES:
        await owner.execute("SELECT guildhall_create_partition($1, $2)", table, date(2015, 3, 9))
    await bot.delete(f"/v1/users/{ADA}")
    clock.move(days=9)
    async with owner.transaction():
        await owner.fetch("SELECT FROM activity_ids_2015_03_09")
        with pytest.raises(ExceptionGroup) as raised:
            await run_upkeep(litestar_app, clock)
    assert [error.__notes__ for error in raised.value.exceptions] == [["old partitions of activity_ids"]]
    old = [name for table in TABLES for name in await parts(owner, table) if "2015" in name]
    assert old == ["activity_ids_2015_03_09"]
    assert await owner.fetchval("SELECT count(*) FROM erased_people") == 0
    await run_upkeep(litestar_app, clock)
    assert not any("2015" in name for name in await parts(owner, "activity_ids"))


async def test_a_guild_deleted_by_hand_takes_its_rows_along(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await record(bot, message("1"))
    await owner.execute("DELETE FROM guilds")
    for table in (*TABLES, "members", "boards", "xp_counts"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0, table
