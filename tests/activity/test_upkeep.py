"""Parts are made ahead and dropped when they are old, and go with their guild."""

from datetime import date, timedelta

import httpx
from litestar import Litestar

from api.activity.upkeep import Upkeep
from api.engine import PlainConnection
from api.parts import TABLES, Parts
from tests.activity.test_record import message, record
from tests.support.clock import MovableClock


def upkeep(app: Litestar, clock: MovableClock) -> Upkeep:
    days, database = timedelta(days=30), app.state["database"]
    return Upkeep(database, Parts(database), clock, hours=days * 3, days=days * 14)


async def parts(owner: PlainConnection, table: str) -> list[str]:
    rows = await owner.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1", table
    )
    return [row["name"] for row in rows]


async def test_parts_come_and_go(litestar_app: Litestar, owner: PlainConnection, clock: MovableClock) -> None:
    today = clock.now().date()
    for table in TABLES:
        await owner.execute("SELECT guildhall_make_part($1, $2)", table, date(2015, 3, 9))
    await upkeep(litestar_app, clock).run()
    for table in TABLES:
        names = await parts(owner, table)
        assert not any("2015" in name for name in names), "what is old is dropped"
        assert f"{table}_{today.replace(day=1):%Y_%m}" in "".join(names), "the present is there"
        assert len(names) >= 2, "and what comes next"
    assert "activity_ids_9999_12_27" in await parts(owner, "activity_ids")


async def test_two_at_once(litestar_app: Litestar, owner: PlainConnection, clock: MovableClock) -> None:
    await owner.execute("SELECT pg_advisory_lock($1)", 0x70617274)
    try:
        clock.move(days=400)
        before = await parts(owner, "activity_days")
        await upkeep(litestar_app, clock).run()
        assert await parts(owner, "activity_days") == before
    finally:
        await owner.execute("SELECT pg_advisory_unlock($1)", 0x70617274)


async def test_a_guild_deleted_by_hand_takes_its_parts(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await record(bot, message("1"))
    await owner.execute("DELETE FROM guilds")
    for table in (*TABLES, "members", "boards", "xp_counts"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0, table
