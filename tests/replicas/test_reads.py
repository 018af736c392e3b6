"""A read goes to the replica only if that has everything from before the read."""

import asyncio
import time
from collections.abc import AsyncIterator
from operator import methodcaller

import asyncpg
import pytest

from api.config import Settings
from api.errors import NotFound
from api.postgres.database import Connection
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import PlainConnection
from api.postgres.positions import ask, ask_home, ask_replica, fault
from api.postgres.provision import APP, DATABASE
from api.postgres.replica import LONG_PATIENCE_SECONDS, OK, Missed
from tests.replicas.conftest import SECONDS, Worker, settings_of, until, working
from tests.replicas.standby import Standby, standby_of

PAUSE, RESUME = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"
ADD = "INSERT INTO numbers SELECT count(*) FROM numbers"
COUNT = "SELECT count(*), pg_is_in_recovery() FROM numbers"


@pytest.fixture
async def second(addresses: Settings, worker: Worker) -> AsyncIterator[Worker]:
    """Another worker, or another host."""
    async with working(addresses) as made:
        await made.state(OK)
        yield made


async def count(connection: Connection) -> tuple[int, bool]:
    """How many rows there are, and whether the replica says so."""
    row = await connection.fetchrow(COUNT)
    assert row is not None
    return row[0], row[1]


async def pause(on_standby: PlainConnection) -> None:
    await on_standby.execute(PAUSE)

    async def is_paused() -> bool:
        return bool(await on_standby.fetchval("SELECT pg_get_wal_replay_pause_state()") == "paused")

    await until(is_paused)


async def test_goes_to_the_replica(worker: Worker, root: PlainConnection, on_standby: PlainConnection) -> None:
    await worker.returns()
    before = worker.count()
    assert await worker.reader.read(count) == (0, True)
    assert worker.count() == before + 1
    shown = "SELECT session_user::text, current_user::text, current_setting('default_transaction_read_only')"
    rows = await worker.reader.read(methodcaller("fetch", shown), patience=LONG_PATIENCE_SECONDS)
    assert [*map(tuple, rows)] == [(APP, APP, "on")]


async def test_nobody_misses_what_they_wrote(
    worker: Worker, second: Worker, root: PlainConnection, on_standby: PlainConnection
) -> None:
    """Whoever wrote, and through whatever worker: while the replica stands still, the primary answers."""
    await worker.returns()
    await pause(on_standby)
    for number in range(1, 4):
        async with worker.database.connection() as connection:
            await connection.execute(ADD)
        for each in (worker, second):
            assert await each.reader.read(count) == (number, False)
    await root.execute(ADD)
    for each in (worker, second):
        assert await each.reader.read(count) == (4, False)
        assert each.count("late") > 0
    await on_standby.execute(RESUME)
    for each in (worker, second):
        await each.returns()
        assert await each.reader.read(count) == (4, True)


async def test_an_idle_primary_is_no_lag(worker: Worker, on_standby: PlainConnection) -> None:
    """A replica that has everything is not behind, however long nothing has been written; also after the log went on
    to another file."""
    async with worker.database.session() as connection:
        await connection.execute("SELECT 1")
    await worker.returns()
    await pause(on_standby)
    await asyncio.sleep(2.5)  # more than the stated lag
    assert worker.replica.state == OK
    assert worker.replica.lag < 2
    assert await worker.is_on_replica()


async def test_after_another_file_of_the_log(worker: Worker, root: PlainConnection) -> None:
    await root.execute(ADD)
    await root.execute("SELECT pg_switch_wal()")
    await worker.returns()


async def test_behind_for_longer_than_stated(
    worker: Worker, root: PlainConnection, on_standby: PlainConnection
) -> None:
    await worker.returns()
    await pause(on_standby)
    await root.execute(ADD)
    await worker.state("more than 1 s behind")
    assert worker.replica.lag > 1
    before = worker.count("unusable")
    assert await worker.reader.read(count) == (1, False)
    assert worker.count("unusable") == before + 1
    await on_standby.execute(RESUME)
    await worker.state(OK)
    await worker.returns()
    assert await worker.reader.read(count) == (1, True)


async def test_patient_read_waits(worker: Worker, root: PlainConnection, on_standby: PlainConnection) -> None:
    """An export waits for a replica that is a little behind. A page does not, and for a while no other read does."""
    await worker.returns()
    await pause(on_standby)
    await root.execute(ADD)
    reading = asyncio.create_task(worker.reader.read(count, patience=SECONDS))
    await asyncio.sleep(0.1)
    await on_standby.execute(RESUME)
    assert await reading == (1, True)
    await pause(on_standby)
    await root.execute(ADD)
    started = time.monotonic()
    with pytest.raises(Missed):
        await worker.reader.read_replica(count, patience=0.2)
    assert time.monotonic() - started > 0.15
    before = worker.count("late")
    assert await worker.reader.read(count, patience=SECONDS) == (2, False)
    assert worker.count("late") == before + 1


async def test_errors_of_the_read_are_its_own(worker: Worker, root: PlainConnection) -> None:
    """They are not repeated on the primary; nor is a statement that took too long, which would take as long there."""
    places: list[bool] = []

    async def refuses(connection: Connection) -> None:
        places.append(await connection.fetchval("SELECT pg_is_in_recovery()"))
        raise NotFound

    async def takes_too_long(connection: Connection) -> None:
        places.append(await connection.fetchval("SELECT pg_is_in_recovery()"))
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = '50ms'")
            await connection.execute("SELECT pg_sleep(30)")

    await worker.returns()
    with pytest.raises(NotFound):
        await worker.reader.read(refuses, patience=LONG_PATIENCE_SECONDS)
    with pytest.raises(asyncpg.QueryCanceledError):
        await worker.reader.read(takes_too_long, patience=LONG_PATIENCE_SECONDS)
    assert places == [True, True]
    assert await worker.is_on_replica()


async def test_what_a_replica_cannot_do(worker: Worker, root: PlainConnection) -> None:
    """A write, a temporary table, a lock of rows: the primary does it, and the replica stays in use."""
    for statement in (ADD, "CREATE TEMP TABLE t ()", "SELECT n FROM numbers FOR SHARE"):
        await worker.returns()
        await worker.reader.read(methodcaller("execute", statement), patience=LONG_PATIENCE_SECONDS)
    assert await root.fetchval("SELECT count(*) FROM numbers") == 1
    assert worker.count("failed") == 3
    assert worker.replica.state == OK


async def test_replica_with_no_free_connection(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    await worker.returns()
    free, held = asyncio.Event(), []

    async def hold(connection: Connection) -> None:
        held.append(connection)
        await free.wait()

    all_ = worker.replica._connections
    holding = [asyncio.create_task(worker.reader.read_replica(hold, patience=SECONDS)) for _ in range(all_)]
    await until(lambda: len(held) == all_)
    since = time.monotonic()
    await until(lambda: worker.replica.lag < time.monotonic() - since)  # it is watched meanwhile
    assert worker.replica.state == OK
    monkeypatch.setattr(worker.replica, "_acquire_timeout", 0.1)
    assert not await worker.is_on_replica()
    assert worker.count("busy") == 1
    free.set()
    await asyncio.gather(*holding)
    await worker.returns()


@pytest.fixture
async def late(server: EmbeddedPostgres, settings: Settings) -> AsyncIterator[tuple[Worker, Worker]]:
    """Two workers with a replica that is always a little behind."""
    with standby_of(server, "late", recovery_min_apply_delay="50ms") as standby:
        addresses = settings_of(settings, server, standby)
        async with working(addresses) as first, working(addresses) as second:
            for each in (first, second):
                await each.state(OK)
            yield first, second


async def test_readers_beside_writers(late: tuple[Worker, Worker], root: PlainConnection) -> None:
    """Six readers in two workers, beside two writers who hardly pause: whatever was committed before a read began is in
    its answer. Many answers are the replica's."""
    ends, committed = time.monotonic() + 4, 0

    async def write(each: Worker) -> None:
        nonlocal committed
        while time.monotonic() < ends:
            async with each.database.transaction() as connection:
                await connection.execute("SELECT pg_advisory_xact_lock(7)")
                await connection.execute(ADD)
                written = await connection.fetchval("SELECT count(*) FROM numbers")
            committed = max(committed, written)
            await asyncio.sleep(0.005)

    async def read(each: Worker) -> int:
        reads = 0
        while time.monotonic() < ends:
            before = committed
            found, is_replica = await each.reader.read(count, patience=LONG_PATIENCE_SECONDS)
            assert found >= before
            reads += is_replica
        return reads

    reads = await asyncio.gather(*map(read, late * 3), *map(write, late))
    assert committed > 20
    assert sum(each for each in reads if each is not None) > 20


async def test_any_log_in_may_ask_for_positions(standby: Standby, addresses: Settings) -> None:
    login = await asyncpg.connect(standby.url(APP, DATABASE))
    seen = await ask_replica(login)
    await login.close()
    login = await asyncpg.connect(addresses.database_url)
    position, home = await ask(login), await ask_home(login)
    await login.close()
    assert seen.home == home
    assert seen.timeline == position.timeline
    assert position.waits_for_disk
    assert fault(seen, position, home) is None
