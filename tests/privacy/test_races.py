"""Somebody is hidden, or erased, while another transaction is just making them a member."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx2
import pytest

from api.config import Settings
from api.members.ledger import Ledger
from api.members.standings import lock
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.members.people import profile
from tests.privacy.people import USER, erase, found
from tests.support.clock import CLOCK
from tests.support.people import ADA, BO, HARBOUR, QUARRY


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[PlainConnection]:
    """Another process's connection."""
    connection = await asyncpg.connect(settings.owner_database_url)
    yield connection
    await connection.close()


async def waiting(owner: PlainConnection) -> None:
    """Until somebody waits for an advisory lock."""
    for _ in range(500):
        if await owner.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def make(connection: PlainConnection) -> None:
    """Makes Ada a member of Harbour, with 50 XP."""
    standings = await lock(connection, [(HARBOUR, ADA)])  # type: ignore[arg-type] # it is a connection, though of no pool
    standing = standings[HARBOUR, ADA]
    standing.xp = 50
    ledger = Ledger()
    ledger.touch(standing)
    await ledger.store(connection)  # type: ignore[arg-type] # the same


async def test_hidden_while_they_are_made_a_member(
    bot: httpx2.AsyncClient, owner: PlainConnection, other: PlainConnection
) -> None:
    async with other.transaction():
        await make(other)
        hiding = asyncio.create_task(bot.put(f"{USER}/privacy", json={"visibility": "hidden"}))
        await waiting(owner)
    assert (await hiding).status_code == 200
    await record(bot, message("1", user=BO))
    assert (await profile(bot))["rank"] is None
    assert (await profile(bot, BO)).items() >= {"rank": 1, "member_count": 1}.items()


async def test_erased_while_they_are_made_a_member(
    bot: httpx2.AsyncClient, owner: PlainConnection, other: PlainConnection
) -> None:
    async with other.transaction():
        await make(other)
        erasing = asyncio.create_task(erase(bot))
        await waiting(owner)
    assert (await erasing)["guilds"] == 1
    assert await found(owner) == {}


async def test_made_a_member_while_they_are_erased(
    bot: httpx2.AsyncClient, owner: PlainConnection, other: PlainConnection
) -> None:
    """The events were looked up before the tombstone stood: they are looked up again."""
    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(1885695856, (($1::bigint >> 22) & 127)::int)", ADA)
        recording = asyncio.create_task(record(bot, message("1"), message("2", user=BO)))
        await waiting(owner)
        await other.execute(
            "INSERT INTO erased_people SELECT sha256(salt || int8send($1::bigint)), 0, $2 FROM erasure_salt",
            ADA,
            datetime(2040, 1, 1, tzinfo=UTC),
        )
    assert (await recording)["accepted"] == 2
    assert await found(owner) == {}
    assert (await profile(bot, BO))["rank"] == 1


async def test_erased_under_load(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Whatever is on its way when somebody is erased, nothing of them is left once all are answered."""
    past = CLOCK.now() - timedelta(hours=2)
    erasures = []

    async def send(number: int) -> None:
        await asyncio.sleep(number / 400)
        events = [message(f"{number}-{place}", at=past, user=user) for place, user in enumerate((ADA, BO, ADA))]
        guild_id = (HARBOUR, QUARRY)[number % 2]
        response = await bot.post(f"/v1/guilds/{guild_id}/activity", json={"events": events})
        assert (response.status_code, response.json()["accepted"]) == (200, 3)
        if number % 25 == 10:
            erasures.append(await erase(bot))

    await asyncio.gather(*(send(number) for number in range(100)))
    assert len(erasures) == 4
    assert sum(each["rows"] for each in erasures) > 0
    assert await found(owner) == {}
    assert (await profile(bot, BO))["stats"]["messages"] == (await profile(bot, BO, QUARRY))["stats"]["messages"] == 50
