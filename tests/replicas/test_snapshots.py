"""Leaderboards of days in large guilds: computed on the replica, if it has everything up to their time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from api.config import Settings
from api.leaderboards.snapshots import Board, Snapshots
from api.lib.clock import Clock
from api.postgres.access import find_access
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.engine import PlainConnection
from tests.replicas.conftest import Worker
from tests.replicas.test_reads import RESUME, pause

GUILD = 555
TODAY = datetime.now(UTC).date()
BOARD = Board(GUILD, "messages", TODAY, TODAY)


@pytest.fixture
async def snapshots(worker: Worker, addresses: Settings) -> AsyncIterator[Snapshots]:
    made = Snapshots(worker.database, worker.reader, ChangeWatcher(), Clock())
    await made.open((await find_access(addresses)).pooled)
    yield made
    await made.close()


async def add(root: PlainConnection, user_id: int, messages: int) -> None:
    await root.execute("INSERT INTO guilds (id, name) VALUES ($1, 'Large') ON CONFLICT DO NOTHING", GUILD)
    await root.execute("INSERT INTO members (guild_id, user_id) VALUES ($1, $2)", GUILD, user_id)
    await root.execute("SELECT guildhall_create_partition('activity_days', $1)", TODAY)
    await root.execute(
        "INSERT INTO activity_days (guild_id, day, user_id, messages, events) VALUES ($1, $2, $3, $4, 1)",
        *(GUILD, TODAY, user_id, messages),
    )


async def test_computed_on_the_replica(
    worker: Worker, snapshots: Snapshots, root: PlainConnection, on_standby: PlainConnection
) -> None:
    await root.execute("DELETE FROM guilds WHERE id = $1", GUILD)
    await add(root, 1, 10)
    await worker.returns()
    before, asked = worker.count(), datetime.now(UTC)
    found = await snapshots.get(BOARD)
    assert [(row.user_id, row.value) for row in found.rows(0, 9)] == [(1, 10)]
    assert asked <= found.as_of <= datetime.now(UTC)
    assert worker.count() == before + 1

    await pause(on_standby)
    await add(root, 2, 20)
    snapshots.clear()
    found = await snapshots.get(BOARD)
    assert [(row.user_id, row.value) for row in found.rows(0, 9)] == [(2, 20), (1, 10)]
    assert worker.count() == before + 1
    await on_standby.execute(RESUME)
