"""What numbering costs while somebody holds an old snapshot, as a backup does: VACUUM may remove nothing then, and what
is done must not be walked over again and again. Counted in pages, of which no busy machine makes more."""

import json
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.postgres.engine import PlainConnection
from api.postgres.provision import OWNER
from tests.support import cluster
from tests.support.people import HARBOUR

NAME = f"numbering_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"  # of this process
RECORD = """
    INSERT INTO outbox (guild_id, type, data)
    SELECT $1, $3, jsonb_build_object('n', n) FROM generate_series(1, $2::int) n
"""
NUMBER = "SELECT guildhall_number_events(1000)"
NEWEST = "SELECT newest FROM stream_position ORDER BY round DESC LIMIT 1"


@pytest.fixture
async def quiet() -> AsyncIterator[PlainConnection]:
    """A connection to a database in which nobody else numbers."""
    await cluster.clone(NAME)
    connection = await another()
    await record(connection, 1)
    await connection.fetchval(NUMBER)  # makes today's part of the stream
    await connection.execute("TRUNCATE stream_events")
    await connection.execute("UPDATE stream_position SET newest = 0")
    yield connection
    await connection.close()
    await cluster.drop(NAME)


async def another() -> PlainConnection:
    return await asyncpg.connect(cluster.url(OWNER, NAME))


async def record(connection: PlainConnection, count: int, kind: str = "member.left") -> None:
    await connection.execute(RECORD, HARBOUR, count, kind)


async def pages(connection: PlainConnection) -> int:
    """How many pages a round looks at, all that the function does included."""
    plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {NUMBER}"))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def numbered(connection: PlainConnection) -> list[str]:
    """What has a position, in its order."""
    return [row[0] for row in await connection.fetch("SELECT type FROM stream_events ORDER BY position")]


def usual(costs: list[int]) -> int:
    """The most of nine in ten. The others may have made their plan anew, and read the catalog for it."""
    return sorted(costs)[len(costs) * 9 // 10 - 1]


@pytest.mark.parametrize("has_xid", [False, True], ids=["reads", "writes"])
async def test_an_old_snapshot_costs_nothing_and_delays_nothing(quiet: PlainConnection, *, has_xid: bool) -> None:
    """Whether it only reads, as pg_dump does, or has a transaction's number: 50,000 events come meanwhile."""
    backup = await another()
    async with backup.transaction(isolation="repeatable_read"):
        await backup.fetchval("SELECT pg_current_xact_id()" if has_xid else "SELECT count(*) FROM outbox")
        full, idle = [], []
        for count in range(1000, 51_000, 1000):
            await record(quiet, 1000)
            full.append(await pages(quiet))
            assert await quiet.fetchval(NEWEST) == count, "at once"
            idle.append(await pages(quiet))
        await record(quiet, 1)
        one = await pages(quiet)
        assert await quiet.fetchval("SELECT count(*) FROM outbox") == 0
    await backup.close()
    # The tables are new and small at first; from then on nothing grows.
    assert usual(idle) <= 10
    assert one <= 40
    assert usual(full[5:]) <= 1.05 * min(full[5:])


async def test_what_is_not_committed_costs_nothing(quiet: PlainConnection) -> None:
    writer = await another()
    async with writer.transaction():
        await record(writer, 20_000, "late")
        # Other transactions come and go: so the snapshot of the last round is never old.
        for _ in range(1001):
            await quiet.fetchval("SELECT pg_current_xact_id()")
        await pages(quiet)
        assert await pages(quiet) <= 10
        await record(quiet, 1, "early")
        assert await pages(quiet) <= 100  # 20,000 would be walked
    await writer.close()
    while await quiet.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
        await quiet.fetchval(NUMBER)
    assert await numbered(quiet) == ["early"] + ["late"] * 20_000


async def test_a_backlog_costs_what_a_round_does(quiet: PlainConnection) -> None:
    """30,000 at once: the first round looks where they begin and end, the others at their own."""
    await record(quiet, 30_000)
    backup = await another()
    async with backup.transaction(isolation="repeatable_read"):
        await backup.fetchval("SELECT count(*) FROM guilds")
        await pages(quiet)
        costs = [await pages(quiet) for _ in range(29)]
        assert await quiet.fetchval(NEWEST) == 30_000
        assert usual(costs[5:]) <= 1.2 * min(costs[5:])
        await pages(quiet)
        assert await pages(quiet) <= 10
    await backup.close()


async def test_what_follows_comes_after(quiet: PlainConnection) -> None:
    """Committed while a backlog is worked off, it waits for its end: something may have waited for its lock."""
    writer = await another()
    slow = writer.transaction()
    await slow.start()
    await record(writer, 1, "first")
    await record(quiet, 2500, "many")
    await quiet.fetchval(NUMBER)
    await slow.commit()
    await record(quiet, 1, "then")
    for _ in range(4):
        await quiet.fetchval(NUMBER)
    assert await numbered(quiet) == ["many"] * 2500 + ["first", "then"]
    await writer.close()


@pytest.mark.parametrize("count", [3, 2500])
async def test_what_was_restored(quiet: PlainConnection, count: int) -> None:
    """From a server that had more transactions than this one: what bears their numbers is numbered all the same, and
    so is what comes then."""
    await record(quiet, count, "restored")
    await quiet.execute("UPDATE outbox SET xid = (xid::text::bigint + 1000000)::text::xid8")
    await quiet.execute("UPDATE stream_position SET seen = '1000000:1000000:'")
    for _ in range(5):
        await quiet.fetchval(NUMBER)
    await record(quiet, 1, "new")
    await quiet.fetchval(NUMBER)
    assert await numbered(quiet) == ["restored"] * count + ["new"]


async def test_a_first_look_sees_all(quiet: PlainConnection) -> None:
    """Whatever the snapshot says that is stored, which may be a backup's."""
    await record(quiet, 3)
    await quiet.execute("UPDATE stream_position SET seen = pg_current_snapshot()")
    await quiet.fetchval("SELECT pg_current_xact_id()")
    assert await quiet.fetchval(NUMBER) == 0
    assert await quiet.fetchval("SELECT guildhall_number_events(1000, true)") == 3
