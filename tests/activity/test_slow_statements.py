"""A statement that takes too long is ended by PostgreSQL: of a group, only who asked for it is refused."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from litestar import Litestar

from api.postgres.database import SILENCE_SECONDS, Database
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, ROLE_SETTINGS
from tests.activity.test_record import message
from tests.support.people import HARBOUR, QUARRY
from tests.support.today import needs_time_outs
from tests.support.wiring import services_of

# Whoever becomes a member of this guild takes longer than a statement may.
SLOW = f"""
    CREATE OR REPLACE FUNCTION test_slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.guild_id = {QUARRY} THEN PERFORM pg_sleep(30); END IF; RETURN NEW; END $$;
    CREATE TRIGGER test_slow BEFORE INSERT ON members FOR EACH ROW EXECUTE FUNCTION test_slow();
"""


async def allow(database: Database, time: str) -> None:
    """Lets statements of every connection take so long."""
    pool = database.engine.pool
    assert pool is not None
    async with asyncio.timeout(10):
        held = [await pool.acquire() for _ in range(database.pool_size)]
        for connection in held:
            await connection.execute(f"SET statement_timeout = '{time}'")
            await pool.release(connection)


@pytest.fixture
async def slow_quarry(litestar_app: Litestar, owner: PlainConnection) -> AsyncIterator[None]:
    database: Database = services_of(litestar_app).database
    await owner.execute(SLOW)
    await allow(database, "300ms")
    yield
    await allow(database, ROLE_SETTINGS[APP]["statement_timeout"])
    await owner.execute("DROP FUNCTION test_slow() CASCADE")


@needs_time_outs
@pytest.mark.usefixtures("slow_quarry")
async def test_of_a_group_only_who_is_slow_is_refused(bot: httpx2.AsyncClient) -> None:
    async def record(guild_id: int, number: int) -> httpx2.Response:
        body = {"events": [message(f"{guild_id}-{number}", number)]}
        return await bot.post(f"/v1/guilds/{guild_id}/activity", json=body)

    asked = [record(QUARRY if number % 8 == 3 else HARBOUR, number + 1) for number in range(16)]
    answers = await asyncio.gather(*asked)
    for number, answer in enumerate(answers):
        if number % 8 != 3:
            assert answer.status_code == 200, answer.text
            continue
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"] == "urn:guildhall:problem:overloaded"
        assert int(answer.headers["retry-after"]) >= 1


def test_postgresql_speaks_before_we_take_it_for_dead() -> None:
    """Else a slow statement looks like a database that is away, for everybody in the group."""
    assert float(ROLE_SETTINGS[APP]["statement_timeout"].removesuffix("s")) + 1 < SILENCE_SECONDS
