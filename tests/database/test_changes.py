"""Changes by other processes are noticed, in whatever order their transactions commit."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.config import Settings
from api.postgres.access import find_access
from api.postgres.change_watcher import ChangeWatcher, stop
from api.postgres.engine import PlainConnection
from tests.support import cluster
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"
EVERYTHING = 0  # as a test hears of it
WAKE_TRIGGERS = ("guilds_wake", "guild_settings_wake", "modules_wake", "api_keys_wake")


async def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


@pytest.fixture(params=["woken", "unwoken"])
async def notified(request: pytest.FixtureRequest, owner: PlainConnection) -> AsyncIterator[bool]:
    """With notifications, and with every one of them lost."""
    woken = request.param == "woken"
    tables = {name: name.removesuffix("_wake") for name in WAKE_TRIGGERS}
    if not woken:
        for name, table in tables.items():
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    yield woken
    for name, table in tables.items():
        await owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")


@pytest.fixture
async def noticed(settings: Settings, owner: PlainConnection) -> AsyncIterator[list[tuple[str, int]]]:
    """The invalidations of a change watcher of its own, from now on."""
    await owner.execute("TRUNCATE guilds, modules CASCADE")
    noticed: list[tuple[str, int]] = []
    watcher = ChangeWatcher()
    watcher.subscribe(lambda kind, ids: noticed.extend((kind, id_) for id_ in ids or {EVERYTHING}))
    task = asyncio.create_task(watcher.run((await find_access(settings)).session))
    await eventually(watcher.is_fresh)
    noticed.clear()
    yield noticed
    await stop(task)


async def within_a_second(bot: httpx2.AsyncClient, address: str, holds: Callable[[httpx2.Response], bool]) -> None:
    async with asyncio.timeout(0.9):
        while not holds(await bot.get(address)):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.02)


def cooldown(answer: httpx2.Response) -> int:
    found: int = answer.json()["values"]["cooldown_seconds"]
    return found


async def test_other_processes_changes_are_seen_within_a_second(
    bot: httpx2.AsyncClient, owner: PlainConnection, notified: bool
) -> None:
    assert (await bot.patch(SETTINGS, json={"cooldown_seconds": 5})).status_code == 200
    assert (await bot.get(SETTINGS)).json()["values"]["cooldown_seconds"] == 5
    for value in (7, 8):
        await owner.execute(
            """UPDATE guild_settings SET overrides = jsonb_build_object('cooldown_seconds', $1::int)""", value
        )
        await within_a_second(bot, SETTINGS, lambda answer: cooldown(answer) == value)  # noqa: B023 - it is awaited
    await owner.execute("UPDATE guilds SET deleted_at = now() WHERE id = $1", HARBOUR)
    await within_a_second(bot, SETTINGS, lambda answer: answer.status_code == 404)


async def test_other_processes_modules_are_seen_within_a_second(
    bot: httpx2.AsyncClient, owner: PlainConnection, notified: bool
) -> None:
    schema = {
        "type": "object",
        "properties": {"size": {"type": "integer", "default": 1}},
        "additionalProperties": False,
    }
    assert (await bot.put("/v1/modules/welcome", json={"schema": schema})).status_code == 201
    address = f"/v1/guilds/{HARBOUR}/settings/welcome"
    assert (await bot.get(address)).json()["values"] == {"size": 1}
    await owner.execute(
        "UPDATE modules SET version = version + 1, schema = jsonb_set(schema::jsonb, '{properties,size,default}', '2')"
    )
    await within_a_second(bot, address, lambda answer: answer.json()["values"] == {"size": 2})


async def test_revoked_elsewhere(bot: httpx2.AsyncClient, owner: PlainConnection, notified: bool) -> None:
    assert (await bot.get(SETTINGS)).status_code == 200
    await owner.execute("UPDATE api_keys SET revoked_at = now()")
    await within_a_second(bot, SETTINGS, lambda answer: answer.status_code == 401)


async def test_late_commit_of_an_early_transaction_is_noticed(
    noticed: list[tuple[str, int]], database_name: str, owner: PlainConnection, notified: bool
) -> None:
    early = await asyncpg.connect(cluster.url("postgres", database_name))
    transaction = early.transaction()
    await transaction.start()
    await early.execute("INSERT INTO guilds (id, name) VALUES (1, 'early')")
    await owner.execute("INSERT INTO guilds (id, name) VALUES (2, 'late')")
    await eventually(lambda: ("guild", 2) in noticed)
    await asyncio.sleep(0.9)
    assert ("guild", 1) not in noticed
    await transaction.commit()
    await early.close()
    await eventually(lambda: ("guild", 1) in noticed)
    await asyncio.sleep(0.9)
    assert Counter(noticed) == {("guild", 1): 1, ("guild", 2): 1}


async def test_interleaved_transactions_are_all_noticed(
    noticed: list[tuple[str, int]], database_name: str, owner: PlainConnection
) -> None:
    """Eight connections begin, write and commit in a random order; each committed change is noticed."""
    chance = random.Random(11)  # noqa: S311 - the same order every time
    everybody = [await asyncpg.connect(cluster.url("postgres", database_name)) for _ in range(8)]
    ids = list(range(1, 41))
    for id_ in ids:
        await owner.execute("INSERT INTO guilds (id, name) VALUES ($1, 'x')", id_)
    await eventually(lambda: len(set(noticed)) == len(ids))
    written: set[int] = set()

    async def write(connection: PlainConnection, mine: list[int]) -> None:
        for id_ in mine:
            transaction = connection.transaction()
            await transaction.start()
            await asyncio.sleep(chance.random() / 10)
            await connection.execute("UPDATE guilds SET name = 'y' WHERE id = $1", id_)
            await asyncio.sleep(chance.random() / 3)
            noticed[:] = [entry for entry in noticed if entry != ("guild", id_)]
            if chance.random() < 0.8:
                await transaction.commit()
                written.add(id_)
            else:
                await transaction.rollback()

    await asyncio.gather(*(write(connection, ids[at::8]) for at, connection in enumerate(everybody)))
    await eventually(lambda: {id_ for _, id_ in noticed} >= written)
    await asyncio.sleep(0.5)
    assert {id_ for _, id_ in noticed} == written
    for connection in everybody:
        await connection.close()


async def test_what_was_cached_before_the_first_poll_is_invalidated(settings: Settings, owner: PlainConnection) -> None:
    await owner.execute("TRUNCATE guilds CASCADE")
    noticed: list[tuple[str, int]] = []
    watcher = ChangeWatcher()
    watcher.subscribe(lambda kind, ids: noticed.extend((kind, id_) for id_ in ids or {EVERYTHING}))
    assert not watcher.is_fresh()
    await owner.execute("INSERT INTO guilds (id, name) VALUES (3, 'between')")
    task = asyncio.create_task(watcher.run((await find_access(settings)).session))
    await eventually(watcher.is_fresh)
    await stop(task)
    assert ("guild", EVERYTHING) in noticed


async def test_numbers_of_another_server_are_no_changes(
    noticed: list[tuple[str, int]], owner: PlainConnection, settings: Settings
) -> None:
    """A restored row bears the number of a transaction of the server that it is from, however far ahead."""
    await owner.execute("ALTER TABLE guilds DISABLE TRIGGER guilds_stamp")
    try:
        future = await owner.fetchval("SELECT pg_current_xact_id()::text::bigint + 1000000")
        await owner.execute(
            "INSERT INTO guilds (id, name, changed_xid) SELECT n, 'x', $1 FROM generate_series(1, 3) n", future
        )
        await asyncio.sleep(0.9)
        assert noticed == []
    finally:
        await owner.execute("ALTER TABLE guilds ENABLE TRIGGER guilds_stamp")
    await owner.execute("UPDATE guilds SET name = 'y' WHERE id = 2")
    await eventually(lambda: noticed == [("guild", 2)])


async def test_a_long_transaction_has_nothing_read_twice(
    noticed: list[tuple[str, int]], database_name: str, owner: PlainConnection
) -> None:
    """As a backup is: it holds its snapshot while thousands of changes come to pass."""
    long = await asyncpg.connect(cluster.url("postgres", database_name))
    await long.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()")
    await owner.execute("INSERT INTO guilds (id, name) VALUES (1, 'x')")
    await eventually(lambda: noticed == [("guild", 1)])
    await asyncio.sleep(0.9)
    assert noticed == [("guild", 1)]
    await long.close()


async def test_a_change_watcher_without_a_connection_invalidates_all_and_recovers(
    bot: httpx2.AsyncClient, owner: PlainConnection, root: PlainConnection
) -> None:
    """It cannot see the tables, again and again; meanwhile every answer comes from the database."""
    assert (await bot.get(SETTINGS)).json()["values"]["cooldown_seconds"] == 60
    await bot.patch(SETTINGS, json={"cooldown_seconds": 61})
    await owner.execute("REVOKE SELECT ON modules FROM guildhall_app")
    await owner.execute("GRANT SELECT (name, version, title, description, schema) ON modules TO guildhall_app")
    try:
        await root.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE '%pg_snapshot_xmax%' AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(1.1)
        for value in (62, 63):
            await owner.execute(
                "UPDATE guild_settings SET overrides = jsonb_build_object('cooldown_seconds', $1::int)", value
            )
            assert (await bot.get(SETTINGS)).json()["values"]["cooldown_seconds"] == value
    finally:
        await owner.execute("GRANT SELECT ON modules TO guildhall_app")
    await asyncio.sleep(1.0)
    assert (await bot.get("/health/ready")).status_code == 200


async def test_the_change_watcher_outlives_a_subscriber_that_fails(settings: Settings, owner: PlainConnection) -> None:
    await owner.execute("TRUNCATE guilds CASCADE")
    calls = 0

    def fail_once(_kind: str, ids: set[int] | None) -> None:
        nonlocal calls
        if calls or ids is not None:
            calls += 1
        if calls == 1:
            raise ZeroDivisionError

    watcher = ChangeWatcher()
    watcher.subscribe(fail_once)
    task = asyncio.create_task(watcher.run((await find_access(settings)).session))
    await eventually(watcher.is_fresh)
    await owner.execute("INSERT INTO guilds (id, name) VALUES (4, 'x')")
    await eventually(lambda: calls > 0)
    await owner.execute("INSERT INTO guilds (id, name) VALUES (5, 'x')")
    await eventually(lambda: calls > 1)
    assert not task.done()
    await stop(task)


async def test_no_session_state_is_left_in_the_pool(
    bot: httpx2.AsyncClient, running_app: Litestar, root: PlainConnection
) -> None:
    """The pool resets nothing on release: so nothing may be set that outlives a transaction."""
    pool = services_of(running_app).database.engine.pool
    assert pool is not None
    await pool.expire_connections()  # other tests set something, and a connection that is opened anew has not got it
    before = await _sessions_settings(running_app)
    assert len(before) == 1
    await bot.patch(SETTINGS, json={"cooldown_seconds": 9}, headers={"X-Audit-Log-Reason": "trying"})
    await bot.patch(SETTINGS, json={"cooldown_seconds": -1})
    await bot.get("/v1/guilds?limit=1")
    await bot.post("/v1/keys", json={"name": "x", "scopes": ["settings:read"]})
    await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    assert await _sessions_settings(running_app) == before
    locks = await root.fetchval(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
    assert locks == 0


async def _sessions_settings(app: Litestar) -> set[tuple[tuple[str, str], ...]]:
    """What every pooled connection's session is set to, and listens to; all alike is a set of one. Without `jit`, which
    asyncpg sets to what it is already, where it asks for a type."""
    pool = services_of(app).database.engine.pool
    assert pool is not None
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    found = set()
    for connection in held:
        rows = await connection.fetch(
            "SELECT name, setting FROM pg_settings"
            " WHERE (source = 'session' AND (name, setting) <> ('jit', 'off')) OR name LIKE 'guildhall.%'"
            " UNION ALL SELECT 'channel', pg_listening_channels()"
        )
        found.add(tuple(sorted((row["name"], row["setting"]) for row in rows if row["setting"])))
        await pool.release(connection)
    return found
