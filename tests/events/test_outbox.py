"""An event of a transaction gets its position when that commits, whatever else runs."""

import contextlib

import asyncpg
from litestar import Litestar

from api.events.outbox import OutboxEvent, publish
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.support.people import ADA, HARBOUR
from tests.support.wiring import services_of


async def number(owner: PlainConnection) -> list[asyncpg.Record]:
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    return await owner.fetch(
        "SELECT position, guild_id, type, data::text, user_id FROM stream_events ORDER BY position"
    )


async def test_positions_are_given_in_the_order_of_committing(litestar_app: Litestar, owner: PlainConnection) -> None:
    database: Database = services_of(litestar_app).database
    async with database.transaction() as slow:
        await publish(slow, [OutboxEvent(HARBOUR, "slow", {"n": 1})])
        async with database.connection() as fast:
            await publish(fast, [OutboxEvent(HARBOUR, "fast", {"n": 2}), OutboxEvent(None, "fast", {}, ADA)])
        first = await number(owner)
        assert [row["type"] for row in first] == ["fast", "fast"], "who has not committed holds up nobody"
    both = await number(owner)
    assert [row["type"] for row in both] == ["fast", "fast", "slow"]
    assert [row["position"] - both[0]["position"] for row in both] == [0, 1, 2]


async def test_what_is_rolled_back_is_never_published(litestar_app: Litestar, owner: PlainConnection) -> None:
    database: Database = services_of(litestar_app).database
    with contextlib.suppress(RuntimeError):
        async with database.transaction() as connection:
            await publish(connection, [OutboxEvent(HARBOUR, "never", {})])
            raise RuntimeError
    assert await number(owner) == []
