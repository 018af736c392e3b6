"""A guild's newest finished imports are listed."""

import httpx2

from api.imports.service import MOST_LISTED
from api.postgres.engine import PlainConnection
from tests.support.people import BO, HARBOUR, QUARRY


async def test_so_many(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for guild_id in (HARBOUR, QUARRY):
        await owner.execute(
            "INSERT INTO imports (guild_id, source, actor_kind, status)"
            " SELECT $1, 'csv', 'system', CASE WHEN n % 2 = 0 THEN 'finished' ELSE 'failed' END"
            " FROM generate_series(1, $2) AS n",
            guild_id,
            MOST_LISTED + 5,
        )
    newest = await owner.fetchval("SELECT max(id) FROM imports WHERE guild_id = $1", HARBOUR)
    begun = await bot.post(
        f"/v1/guilds/{HARBOUR}/imports?source=csv&dry_run=true",
        content=f"user_id,xp\n{BO},5\n",
        headers={"Content-Type": "text/csv"},
    )
    assert begun.status_code == 202, begun.text
    kept = await owner.fetch("SELECT guild_id, count(*), max(id) >= $1 AS newest FROM imports GROUP BY 1", newest)
    assert {(row["guild_id"], row["count"]) for row in kept} == {(HARBOUR, MOST_LISTED + 1), (QUARRY, MOST_LISTED + 5)}
    assert (await bot.get(f"/v1/imports/{newest}")).status_code == 200
