"""An address with several hosts: the one that takes writes is found, however the others are."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from api.config import Settings
from api.errors import DatabaseAway
from api.postgres import hosts
from api.postgres.access import UnusableDatabase, find_access
from api.postgres.connections import connect
from api.postgres.database import Database
from api.postgres.engine import GuildhallEngine
from api.postgres.hosts import single_hosts
from api.postgres.preflight import refuse_unusable
from tests.support.hosts import Host, silent, standby, with_hosts


def test_addresses_of_each_host() -> None:
    assert single_hosts("postgresql://u:p%40@h1:1,h2/db?sslmode=require") == (
        "postgresql://u:p%40@h1:1/db?sslmode=require",
        "postgresql://u:p%40@h2/db?sslmode=require",
    )
    assert single_hosts("postgresql://u@[::1]:5,[::2]:6/db") == (
        "postgresql://u@[::1]:5/db",
        "postgresql://u@[::2]:6/db",
    )
    assert single_hosts("postgresql://u@/db?host=/a%20b,h&port=5,6") == (
        "postgresql://u@/db?host=%2Fa%20b&port=5",
        "postgresql://u@/db?host=h&port=6",
    )
    assert single_hosts("postgresql:///db?host=a,b&port=5") == (
        "postgresql:///db?host=a&port=5",
        "postgresql:///db?host=b&port=5",
    )
    for alone in ("postgresql://u@h/db", "postgresql:///db", "nonsense", "postgresql://[::1/db"):
        assert single_hosts(alone) == (alone,)


@pytest.fixture
async def mute() -> AsyncIterator[Host]:
    async with silent() as host:
        yield host


@pytest.fixture
async def replica() -> AsyncIterator[Host]:
    async with standby() as host:
        yield host


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


async def test_a_silent_host_keeps_nobody_from_the_others(settings: Settings, mute: Host, replica: Host) -> None:
    """With the time-out of the pool, and within the wait for one of its connections."""
    url = with_hosts(_url(settings), mute, replica)
    access = await find_access(msgspec.structs.replace(settings, database_url=url))
    database = Database(GuildhallEngine(), pool_size=4, acquire_timeout=0.5)
    hosts._answered_last.clear()
    await database.open(access)
    try:
        asked = mute.connections
        for _ in range(3):
            async with database.connection() as connection:
                assert await connection.fetchval("SELECT NOT pg_is_in_recovery()")
            await _renew(database)
        assert mute.connections == asked, "the one that answered last comes first"
    finally:
        await database.close()


async def _renew(database: Database) -> None:
    assert database.engine.pool is not None
    await database.engine.pool.expire_connections()


async def test_all_hosts_are_silent_no_longer_than_one(settings: Settings, mute: Host) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await connect(f"postgresql://u@127.0.0.1:{mute.port},127.0.0.1:{mute.port}/db?sslmode=disable", timeout=1)
    assert 0.9 < time.monotonic() - started < 5


async def test_what_a_host_refuses_is_reported_rather_than_silence(settings: Settings, mute: Host) -> None:
    url = urlsplit(with_hosts(_url(settings), mute))._replace(path="/nowhere").geturl()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(url, timeout=1)


async def test_a_connection_that_comes_too_late_is_cut(settings: Settings) -> None:
    opened: list[str] = []

    class Connection:
        def __init__(self, name: str) -> None:
            self.name = name

        def terminate(self) -> None:
            opened.remove(self.name)

    async def opening(address: str) -> Connection:
        with suppress(asyncio.CancelledError):  # it was just about to be there
            await asyncio.sleep(0.3 if "a:" in address else 0.0)
        opened.append(address)
        return Connection(address)

    chosen = await hosts.first_to_answer("postgresql://a:1,b:2/late", opening)
    for _ in range(3):
        await asyncio.sleep(0)
    assert opened == [chosen.name] == ["postgresql://b:2/late"]


@pytest.mark.parametrize("count", [1, 2])
async def test_replicas_alone_are_refused_with_a_sentence(settings: Settings, replica: Host, count: int) -> None:
    """Also the one that a single address leads to: it would answer with old rows, and take none."""
    where = ",".join([f"127.0.0.1:{replica.port}"] * count)
    settings = msgspec.structs.replace(settings, database_url=f"postgresql://u@{where}/db")
    with pytest.raises(UnusableDatabase, match="takes no writes"):
        await refuse_unusable(settings)
    database = Database(GuildhallEngine(), pool_size=4, acquire_timeout=0.5)
    database._session = {"dsn": settings.database_url}
    with pytest.raises(DatabaseAway):
        async with database.session():
            pass


async def test_an_address_may_ask_for_a_replica(replica: Host) -> None:
    connection = await connect(f"postgresql://u@127.0.0.1:{replica.port}/db?target_session_attrs=any", timeout=3)
    connection.terminate()
