"""What looking for deliveries costs while somebody holds an old snapshot, as a backup does: VACUUM removes nothing
then, and what is done must not be walked over again and again. Counted in pages: no busy machine makes more."""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from statistics import median

import asyncpg
import pytest

from api.postgres.engine import PlainConnection
from api.postgres.provision import OWNER
from api.webhooks import queries
from tests.support import cluster
from tests.support.people import HARBOUR

NAME = f"deliveries_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"  # of this process
HOLDER = b"0" * 16
TURNS, SENT_A_TURN = 160, 250  # 40,000 in all: what walks them looks at hundreds of pages more

# What happens to a webhook in a turn, but for sending: taken, sent what it is owed, let go.
DONE = """
    UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, outcome = '200'
    WHERE webhook_id = $1 AND id > $2 AND status = 'pending'
"""


@pytest.fixture
async def quiet() -> AsyncIterator[PlainConnection]:
    """A connection to a database in which nobody else sends."""
    await cluster.clone(NAME)
    connection = await another()
    await connection.execute("INSERT INTO guilds (id, name) VALUES ($1, 'Harbour')", HARBOUR)
    await connection.execute("SET enable_seqscan = off; SET jit = off")  # plans are those of tables that are full
    yield connection
    await connection.close()
    await cluster.drop(NAME)


async def another() -> PlainConnection:
    return await asyncpg.connect(cluster.url(OWNER, NAME))


async def pages(connection: PlainConnection, statement: str, *arguments: object) -> int:
    """How many pages a statement looks at."""
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
    plan = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def delivered_events(connection: PlainConnection, count: int) -> int:
    """So many events get their positions and deliveries. Returns the pages that the last step read."""
    await connection.execute(
        "INSERT INTO outbox (guild_id, type, data) SELECT $1, 'member.left', '{}' FROM generate_series(1, $2::int)",
        HARBOUR,
        count,
    )
    await connection.execute("SELECT guildhall_number_events(1000)")
    return await pages(connection, queries.CREATE_DELIVERIES, 1000)


async def turn(connection: PlainConnection, webhook: int, count: int) -> dict[str, int]:
    """A turn in which all of these are sent; what each step looked at."""
    found = {"create": await delivered_events(connection, count)}
    now = datetime.now(UTC)
    soon = now - timedelta(seconds=10)
    found["due"] = await pages(connection, queries.DUE, now, [], [], 500, soon, [])
    due = await connection.fetch(queries.DUE, now, [], [], 500, soon, [])
    assert [row["id"] for row in due] == [webhook]
    await connection.fetch(queries.LEASE, HOLDER, now, [webhook])
    row = await connection.fetchrow(queries.LEASED, webhook, HOLDER, now)
    assert row is not None
    found["next"] = await pages(connection, queries.NEXT, webhook, now, row["done_id"])
    following = await connection.fetchrow(queries.NEXT, webhook, now, row["done_id"])
    assert following is not None
    await connection.execute(DONE, webhook, row["done_id"])
    last = await connection.fetchval("SELECT max(id) FROM webhook_deliveries")
    found["release"] = await pages(connection, queries.RELEASE, webhook, None, last)
    idle = datetime.now(UTC)
    found["idle"] = await pages(connection, queries.DUE, idle, [], [], 500, idle, []) + await pages(
        connection, queries.CREATE_DELIVERIES, 1000
    )
    return found


async def test_an_old_snapshot_costs_nothing(quiet: PlainConnection) -> None:
    """40,000 deliveries are done meanwhile."""
    webhook = await quiet.fetchval(
        "INSERT INTO webhooks (guild_id, url, secret) VALUES ($1, 'https://a.example', '') RETURNING id", HARBOUR
    )
    backup = await another()
    async with backup.transaction(isolation="repeatable_read"):
        await backup.fetchval("SELECT count(*) FROM webhooks")
        costs = [await turn(quiet, webhook, SENT_A_TURN) for _ in range(TURNS)]
        assert (
            await quiet.fetchval("SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'")
            == TURNS * SENT_A_TURN
        )
    await backup.close()
    for step in ("due", "next", "idle"):
        # The median: one look may meet a page that is being split, or statistics that were just made.
        early, late = [median(cost[step] for cost in part) for part in (costs[20:60], costs[-40:])]
        assert late <= early + 20, (step, early, late)


@pytest.mark.parametrize(("position", "test"), [(5, None), (10**9, None), (None, 10**9)])
async def test_one_of_many_deliveries_is_looked_up(
    quiet: PlainConnection, position: int | None, test: int | None
) -> None:
    """Whether it exists or not."""
    webhook = await quiet.fetchval(
        "INSERT INTO webhooks (guild_id, url, secret) VALUES ($1, 'https://a.example', '') RETURNING id", HARBOUR
    )
    await quiet.execute(
        "INSERT INTO webhook_deliveries (webhook_id, position, type, at, status)"
        " SELECT $1, n, 'member.left', now(), 'delivered' FROM generate_series(1, 5000) AS n",
        webhook,
    )
    await quiet.execute("ANALYZE webhook_deliveries")
    found = await quiet.fetch(queries.DELIVERY, webhook, position, test, None)
    assert [row["position"] for row in found] == ([5] if position == 5 else [])
    assert await pages(quiet, queries.DELIVERY, webhook, position, test, 0) < 20
