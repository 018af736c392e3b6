"""Piccolo's queries take their connections where all others do."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

import piccolo_conf
from api.config import Settings
from api.errors import DatabaseAway, Overloaded
from api.postgres.access import find_access
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP
from tables.guilds import Guild


@pytest.fixture
async def database(
    settings: Settings, root: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """A pool of one on the engine of all tables; the other tests' application gets its own back."""
    monkeypatch.setattr(piccolo_conf.DB, "pool", None)
    monkeypatch.setattr(piccolo_conf.DB, "lend", None)
    opened = Database(piccolo_conf.DB, pool_size=2, acquire_timeout=20)
    await opened.open(await find_access(settings))
    yield opened
    await opened.close()


async def test_outside_a_transaction_they_wait_their_turn(database: Database) -> None:
    async with database.connection(), database.connection():
        database.acquire_timeout = 0.05
        with pytest.raises(Overloaded):
            await Guild.exists().where(Guild.id == 1)
    database.acquire_timeout = 20
    assert not await Guild.exists().where(Guild.id == 1)
    assert database.in_use == database.waiting == 0


async def test_without_a_pool_they_do_not_connect_as_the_owner(database: Database) -> None:
    assert (await Guild.raw("SELECT current_user"))[0]["current_user"] == APP
    await database.close()
    with pytest.raises(DatabaseAway):
        await Guild.exists().where(Guild.id == 1)


async def test_a_connection_that_was_cut_is_an_outage(database: Database, root: PlainConnection) -> None:
    pids = {(await Guild.raw("SELECT pg_backend_pid() AS pid"))[0]["pid"] for _ in range(3)}
    ended = asyncio.create_task(_kill(root, pids))
    with pytest.raises(DatabaseAway):
        await Guild.raw("SELECT pg_sleep(5)")
    await ended
    assert not await Guild.exists().where(Guild.id == 1), "the pool has got another"


async def _kill(root: PlainConnection, pids: set[int]) -> None:
    await asyncio.sleep(0.1)
    for pid in pids:
        await root.execute("SELECT pg_terminate_backend($1, 1000)", pid)


async def test_a_value_that_no_parameter_takes_leaves_no_lock(database: Database, root: PlainConnection) -> None:
    with pytest.raises(asyncpg.DataError):
        await Guild.update({Guild.name: "Harbour"}).where(Guild.id == 1 << 70)
    async with asyncio.timeout(5):
        await root.execute("BEGIN; LOCK TABLE guilds IN ACCESS EXCLUSIVE MODE; ROLLBACK")
    assert database.in_use == 0
