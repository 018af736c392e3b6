"""A replica that is killed, promoted, restored, or of another server: the primary answers, and never an old number."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import msgspec
import pytest

from api.cli import doctor
from api.config import Settings
from api.postgres import positions
from api.postgres.database import Connection
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import PlainConnection
from api.postgres.failures import UnusableDatabase
from api.postgres.preflight import refuse_unusable
from api.postgres.provision import APP, DATABASE, OWNER
from api.postgres.replica import LONG_PATIENCE_SECONDS, OK
from tests.replicas.conftest import settings_of, until, working
from tests.replicas.standby import Standby, standby_of
from tests.replicas.test_reads import ADD, count
from tests.support import cluster
from tests.support.pgbouncer import MISSING, PROGRAM, pgbouncer

FAST = 5  # seconds in which a read is answered, whatever the replica does


@pytest.fixture
def own(server: EmbeddedPostgres) -> Iterator[Standby]:
    """A replica that the test may spoil."""
    with standby_of(server, "spoiled", max_standby_streaming_delay="0") as started:
        yield started


@pytest.fixture
def own_addresses(server: EmbeddedPostgres, own: Standby, settings: Settings) -> Settings:
    return settings_of(settings, server, own)


async def replica_finding(addresses: Settings) -> str | None:
    """What the doctor says about the replica."""
    (found,) = [each for each in await doctor.examine(addresses) if each.about == "replica"]
    return found.mend


class Slow:
    """A read that takes long on a replica, and where it ran."""

    def __init__(self) -> None:
        self.places: list[bool] = []

    async def read(self, connection: Connection) -> int:
        self.places.append(await connection.fetchval("SELECT pg_is_in_recovery()"))
        seconds = 60 if self.places[-1] else 0
        slow = "SELECT count(*) FROM numbers, pg_sleep($1)"
        return int(await connection.fetchval(slow, seconds, timeout=90))


SLEEPS = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = $1"


async def sleeping(connection: PlainConnection) -> bool:
    return bool(await connection.fetchval(SLEEPS, APP))


async def test_conflict_with_recovery(own: Standby, own_addresses: Settings, root: PlainConnection) -> None:
    """The replica cancels a statement that stands in the way of what the primary has done. Then the primary answers."""
    slow, watching = Slow(), await asyncpg.connect(own.url("postgres", "postgres"))
    async with working(own_addresses) as worker:
        await worker.state(OK)
        await worker.returns()
        reading = asyncio.create_task(worker.reader.read(slow.read, patience=LONG_PATIENCE_SECONDS))
        await until(lambda: sleeping(watching))
        await root.execute("ALTER TABLE numbers ADD COLUMN more int")
        assert await reading == 0
        assert slow.places == [True, False]
        assert worker.count("failed") == 1
        await worker.returns()
    await watching.close()


async def test_killed_in_the_middle(own: Standby, own_addresses: Settings, root: PlainConnection) -> None:
    slow = Slow()
    async with working(own_addresses) as worker:
        await worker.state(OK)
        await worker.returns()
        assert await replica_finding(own_addresses) is None
        reading = asyncio.create_task(worker.reader.read(slow.read, patience=LONG_PATIENCE_SECONDS))
        await until(lambda: bool(slow.places))
        own.kill()
        assert await reading == 0
        assert slow.places == [True, False]
        await worker.state("away: ")
        assert await worker.reader.read(count) == (0, False)
        await refuse_unusable(own_addresses)  # a server may start meanwhile
        assert "The primary answers all reads, because it cannot be reached" in str(
            await replica_finding(own_addresses)
        )
        async with working(own_addresses) as starting:
            await starting.state("away: ")
            assert await starting.reader.read(count) == (0, False)
            own.start()
            for each in (worker, starting):
                await each.state(OK)
                await each.returns()


async def test_silent(own: Standby, own_addresses: Settings, root: PlainConnection) -> None:
    """A machine that hangs closes no connection."""
    async with working(own_addresses) as worker:
        await worker.state(OK)
        await worker.returns()
        with own.frozen():
            async with asyncio.timeout(FAST):
                assert await worker.reader.read(count) == (0, False)
            await worker.state("away: ")
            async with asyncio.timeout(FAST):
                assert await worker.reader.read(count) == (0, False)
        await worker.state(OK)
        await worker.returns()


async def test_promoted(own: Standby, own_addresses: Settings, root: PlainConnection) -> None:
    """It is a server of its own from then on. It may be asked again as soon as it is a replica again."""
    async with working(own_addresses) as worker:
        await worker.state(OK)
        await worker.returns()
        own.promote()
        await root.execute(ADD)
        assert await worker.reader.read(count) == (1, False)
        await worker.state("it is no replica")
        await refuse_unusable(own_addresses)
        assert "it was promoted" in str(await replica_finding(own_addresses))


async def test_replica_of_the_former_primary(
    server: EmbeddedPostgres, own: Standby, settings: Settings, root: PlainConnection
) -> None:
    """After a failover, a replica that still follows the former primary may be further in the log than the new one, and
    lack what was written there."""
    with standby_of(server, "promoted") as new:
        addresses = settings_of(settings, new, own)
        new.promote()
        written = await asyncpg.connect(new.url("postgres", DATABASE))
        for _ in range(50):
            await root.execute(ADD)
        await written.execute(ADD)
        async with working(addresses) as worker:
            await worker.state("it has not noted the primary's last promotion yet")
            assert await worker.reader.read(count) == (1, False)
            assert worker.count() == 0
        await written.close()


async def test_replica_of_the_new_primary(
    server: EmbeddedPostgres, own: Standby, settings: Settings, root: PlainConnection
) -> None:
    """After a failover, a replica that follows the new primary is used again once it has noted the new history."""
    with standby_of(server, "promoted") as new:
        addresses = settings_of(settings, new, own)
        new.promote()
        own.follow(new)
        written = await asyncpg.connect(new.url("postgres", DATABASE))
        copied = await asyncpg.connect(own.url("postgres", DATABASE))
        async with working(addresses) as worker:
            for number in range(1, 4):
                await written.execute(ADD)
                assert (await worker.reader.read(count))[0] == number
                for each in (written, copied):
                    await each.execute("CHECKPOINT")
            await worker.state(OK)
            await worker.returns()
            assert await worker.reader.read(count, patience=LONG_PATIENCE_SECONDS) == (3, True)
        await written.close()
        await copied.close()


async def test_restored_primary(addresses: Settings, root: PlainConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A primary that has gone back in its log, as one that was restored from a copy of its disk."""
    async with working(addresses) as worker:
        await worker.state(OK)
        with monkeypatch.context() as patched:
            before = positions.PRIMARY.replace("pg_current_wal_flush_lsn() AS flushed", "'0/1'::pg_lsn AS flushed")
            assert before != positions.PRIMARY
            patched.setattr(positions, "PRIMARY", before)
            await worker.state("it has changes that the primary does not have")
            assert await worker.reader.read(count) == (0, False)
        await worker.state(OK)


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    name = "not_the_replica"
    await cluster.clone(name)
    yield cluster.url(APP, name)
    await cluster.drop(name)


async def test_of_another_server(addresses: Settings, elsewhere: str, root: PlainConnection) -> None:
    wrong = msgspec.structs.replace(addresses, read_database_url=elsewhere)
    with pytest.raises(UnusableDatabase, match="it belongs to another PostgreSQL server"):
        await refuse_unusable(wrong)
    assert "another PostgreSQL server" in str(await replica_finding(wrong))
    async with working(wrong) as worker:
        await worker.state("it belongs to another PostgreSQL server")
        assert await worker.reader.read(count) == (0, False)


async def test_of_another_database(addresses: Settings, standby: Standby) -> None:
    wrong = msgspec.structs.replace(addresses, read_database_url=standby.url("postgres", "postgres"))
    with pytest.raises(UnusableDatabase, match="another database"):
        await refuse_unusable(wrong)


async def test_the_primary_itself(server: EmbeddedPostgres, addresses: Settings, root: PlainConnection) -> None:
    """No fault that keeps a server from starting: after a failover, both addresses may lead to one."""
    same = msgspec.structs.replace(addresses, read_database_url=addresses.database_url)
    await refuse_unusable(same)
    assert "it is no replica" in str(await replica_finding(same))
    async with working(same) as worker:
        await worker.state("it is no replica")
        assert await worker.reader.read(count) == (0, False)
        assert worker.count() == 0


async def test_log_in_that_may_too_much(addresses: Settings, standby: Standby) -> None:
    production = {"env": "production", "public_url": "https://guildhall.test"}
    fine = msgspec.structs.replace(addresses, **production)
    await refuse_unusable(fine)
    for login in ("postgres", OWNER):
        wrong = msgspec.structs.replace(fine, read_database_url=standby.url(login, DATABASE))
        with pytest.raises(UnusableDatabase, match="GUILDHALL_READ_DATABASE_URL may rewrite the audit log"):
            await refuse_unusable(wrong)
        async with working(wrong) as worker:
            await worker.state("refused: `guildhall doctor` says why")


async def test_too_few_connections(addresses: Settings) -> None:
    crowded = msgspec.structs.replace(addresses, pool_size=40, workers=2)
    found = await replica_finding(crowded)
    assert found is None
    crowded = msgspec.structs.replace(addresses, pool_size=100)
    assert "raise its max_connections" in str(await replica_finding(crowded))


async def test_no_address(addresses: Settings) -> None:
    with pytest.raises(UnusableDatabase, match="GUILDHALL_READ_DATABASE_URL is no address"):
        await refuse_unusable(msgspec.structs.replace(addresses, read_database_url="mysql://nowhere"))


async def test_commits_that_do_not_wait(server: EmbeddedPostgres, addresses: Settings, root: PlainConnection) -> None:
    """Then the position says nothing about what was committed."""
    await root.execute(f"ALTER ROLE {APP} IN DATABASE {DATABASE} SET synchronous_commit = 'off'")
    try:
        async with working(addresses) as worker:
            await worker.state("the primary's synchronous_commit is off")
            assert await worker.reader.read(count) == (0, False)
    finally:
        await root.execute(f"ALTER ROLE {APP} IN DATABASE {DATABASE} RESET synchronous_commit")


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
async def test_behind_a_pooler(addresses: Settings, standby: Standby, root: PlainConnection) -> None:
    """By sessions it works; by transactions, a read could be sent to another server than the check before it."""
    with pgbouncer(APP, mode="session", before=standby.url(APP, DATABASE)) as pooler:
        behind = msgspec.structs.replace(addresses, read_database_url=pooler.url(APP, DATABASE))
        await refuse_unusable(behind)
        async with working(behind) as worker:
            await worker.state(OK)
            await worker.returns()
            assert await worker.reader.read(count, patience=LONG_PATIENCE_SECONDS) == (0, True)
    with pgbouncer(APP, before=standby.url(APP, DATABASE)) as pooler:
        behind = msgspec.structs.replace(addresses, read_database_url=pooler.url(APP, DATABASE))
        with pytest.raises(UnusableDatabase, match="GUILDHALL_READ_DATABASE_URL leads to a pooler"):
            await refuse_unusable(behind)


async def test_several_addresses(addresses: Settings, own: Standby, standby: Standby, root: PlainConnection) -> None:
    """The first replica that answers is taken; when it goes, the other."""
    hosts = ",".join(str(each.url(APP, DATABASE)).split("host=")[1].split("&")[0] for each in (own, standby))
    both = f"postgresql://{APP}@/{DATABASE}?host={hosts}&port=5432"
    async with working(msgspec.structs.replace(addresses, read_database_url=both)) as worker:
        await worker.state(OK)
        await worker.returns()
        own.kill()
        await worker.returns()
        assert await worker.reader.read(count, patience=LONG_PATIENCE_SECONDS) == (0, True)
        own.start()
