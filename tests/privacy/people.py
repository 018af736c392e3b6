"""A person with something everywhere, and a look for them in every column of the database."""

from typing import Any

import httpx2

from api.postgres.engine import PlainConnection
from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.imports.files import imported
from tests.members.people import give, leveling
from tests.support.people import ADA, BO, QUARRY

Json = dict[str, Any]  # Any: JSON

USER = f"/v1/users/{ADA}"

_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


async def tables(owner: PlainConnection) -> list[str]:
    return [row[0] for row in await owner.fetch(_TABLES)]


async def found(owner: PlainConnection, user_id: int = ADA) -> dict[str, int]:
    """In how many rows of which tables the id stands, in whatever column: numbers, text or JSON."""
    counts = {}
    for table in await tables(owner):
        if count := await owner.fetchval(f"SELECT count(*) FROM {table} t WHERE t::text ~ $1", rf"\y{user_id}\y"):
            counts[table] = count
    return counts


async def live(bot: httpx2.AsyncClient) -> None:
    """Ada in two guilds, beside Bo: events, XP by hand, a custom stat, an award, a guild of her own, a dry run."""
    await define(bot, draft(gte=2))
    await leveling(bot, cooldown_seconds=0, xp_per_message={"min": 200, "max": 200})
    stat = {**message("3"), "type": "stat", "stat": "duels", "amount": 2}
    await record(bot, message("1"), message("2"), stat, message("4", user=BO))
    await give(bot, ADA, 700, QUARRY)
    await give(bot, BO, 5, QUARRY)
    reason = {"X-Audit-Log-Reason": f"ask%20{ADA}"}
    await bot.patch(f"/v1/guilds/{QUARRY}", json={"owner_id": str(ADA)}, headers=reason)
    await imported(bot, "csv", f"user_id,xp\n{ADA},5\n{BO},6\n".encode(), dry_run=True)


async def erase(client: httpx2.AsyncClient, query: str = "") -> Json:
    response = await client.delete(USER + query)
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body
