"""The tables are emptied between tests whatever still runs in the background."""

import asyncio

import asyncpg
import pytest

from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.support.emptying import Emptier
from tests.support.people import ADA, BO, HARBOUR

MEMBER = "INSERT INTO members (guild_id, user_id) VALUES ($1, $2)"
OF_A_MEMBER = "UPDATE members SET xp = 1 WHERE user_id = $1"
OF_THE_GUILD = "UPDATE guilds SET name = 'Port' WHERE id = $1"


@pytest.mark.parametrize("order", ["as they are emptied", "the other way"])
async def test_beside_a_transaction(
    bot: object, owner: PlainConnection, settings: Settings, emptier: Emptier, order: str
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
            emptying = asyncio.create_task(emptier.empty())
            await asyncio.sleep(0.1)
            assert not emptying.done()
            await connection.execute(*statements[1])
    finally:
        await connection.close()
    await emptying
    assert await owner.fetchval("SELECT count(*) FROM members") == 0
