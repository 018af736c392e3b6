"""A rank is exact in a large guild, and few rows are read for it."""

import re

import httpx2

from api.members import queries
from api.postgres.engine import PlainConnection
from tests.members.people import profile
from tests.support.people import HARBOUR, QUARRY

MEMBERS = 20_000


async def test_few_rows_are_read(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """XP as it is in the field: many have little, few have much."""
    await owner.execute(
        "INSERT INTO members (guild_id, user_id, xp, is_ranked)"
        " SELECT $1::bigint, n, (power(n::float8 / $3::int, 4) * 2000000)::bigint, n % 10 > 0"
        " FROM generate_series(1, $3) n"
        " UNION ALL SELECT $2::bigint, n, n * 999, true FROM generate_series(1, 1000) n",
        HARBOUR, QUARRY, MEMBERS,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO xp_counts SELECT guild_id, kept, guildhall_xp_floor(xp, kept), count(*)"
        " FROM members CROSS JOIN (VALUES (1), (8)) AS each (kept) WHERE is_ranked GROUP BY 1, 2, 3"
    )
    await owner.execute("INSERT INTO boards SELECT guild_id, 0, xp, user_id FROM members WHERE is_ranked")
    await owner.execute("ANALYZE members, boards, xp_counts")
    ranks = await owner.fetch(
        "SELECT user_id, rank() OVER (ORDER BY xp DESC) AS rank FROM members WHERE guild_id = $1 AND is_ranked", HARBOUR
    )
    for row in ranks[:: len(ranks) // 100]:
        found = await profile(bot, row["user_id"])
        assert (found["rank"], found["member_count"]) == (row["rank"], len(ranks))
        assert await _rows_read(owner, row["user_id"]) < 400


async def _rows_read(owner: PlainConnection, user_id: int) -> float:
    """Rows that the statement's scans gave."""
    statement = queries.PROFILES.replace("$1", f"ARRAY[{HARBOUR}]").replace("$2", f"ARRAY[{user_id}]")
    plan = [row[0] for row in await owner.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {statement}")]
    scans = [line for line in plan if " Scan " in line and "actual rows=" in line]
    assert scans
    assert not [line for line in scans if "Seq Scan on members" in line]
    return sum(float(found[1]) for line in scans if (found := re.search(r"actual rows=([\d.]+)", line)))
