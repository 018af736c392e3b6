"""The tables are emptied between tests whatever still runs in the background."""

import asyncio

import asyncpg
import pytest

from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.support.people import ADA, BO, HARBOUR
from tests.support.truncate import Truncater

MEMBER = "INSERT INTO members (guild_id, user_id) VALUES ($1, $2)"
OF_A_MEMBER = "UPDATE members SET xp = 1 WHERE user_id = $1"
OF_THE_GUILD = "UPDATE guilds SET name = 'Port' WHERE id = $1"


@pytest.mark.parametrize("order", ["as they are emptied", "the other way"])
async def test_beside_a_transaction(
    bot: object, owner: PlainConnection, settings: Settings, truncater: Truncater, order: str
) -> None:
    """It locks rows of two tables, with the emptying in between."""
    for user in (ADA, BO):
        await owner.execute(MEMBER, HARBOUR, user)
    statements = [(OF_THE_GUILD, HARBOUR), (OF_A_MEMBER, ADA)]
    if order == "the other way":
        statements.reverse()
    connection = await asyncpg.connect(settings.owner_database_url)
    try:
        async with connection.transaction():
            await connection.execute(*statements[0])
            truncating = asyncio.create_task(truncater.truncate())
            await asyncio.sleep(0.1)
            assert not truncating.done()
            await connection.execute(*statements[1])
    finally:
        await connection.close()
    await truncating
    assert await owner.fetchval("SELECT count(*) FROM members") == 0
