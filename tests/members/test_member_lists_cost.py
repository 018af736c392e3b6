"""A page of members costs about what it shows, however many members there are."""

import re

import pytest

from api.members import listing_queries as sql
from api.postgres.engine import PlainConnection
from tests.support.people import HARBOUR, QUARRY

MEMBERS = 20_000

FILL = """
    INSERT INTO members (guild_id, user_id, has_display_name, is_ranked)
    SELECT g, n, n % 4 > 0, false FROM unnest(ARRAY[$1, $2]::bigint[]) AS g, generate_series(1, $3::int) AS n
"""
NAMES = """
    INSERT INTO member_names (guild_id, user_id, username, display_name, username_folded, sort_name)
    SELECT guild_id, user_id, u, d, u, coalesce(d, chr(1114111)) FROM (
        SELECT guild_id, user_id, 'user' || user_id AS u,
            CASE WHEN has_display_name THEN md5(user_id::text) END AS d FROM members
    ) AS m
"""

# What each is asked with, after the guild: place, limit, hidden people, and what is sought.
ASKED = {
    "first page": (sql.ALL, "'', 0, 51, 5"),
    "in the middle": (sql.ALL, "'80', 0, 51, 5"),
    "at the end": (sql.ALL, f"chr(1114111), {MEMBERS - 100}, 51, 5"),
    "few display names": (sql.SEARCH, "'', 0, 51, 5, 'abcd', NULL, 'abcd', 0"),
    "many display names": (sql.SEARCH, "'', 0, 51, 5, 'f', NULL, 'f', 0"),
    "all usernames": (sql.SEARCH, "'', 0, 51, 5, 'user', NULL, 'user', 0"),
    "one username": (sql.SEARCH, "'', 0, 51, 5, 'user777', 777, 'user777', 0"),
    "ids": (sql.OF_IDS, "'', 0, 51, 5, ARRAY[1,2,3,4,5,6,7], '', NULL"),
}


@pytest.fixture
async def crowd(owner: PlainConnection) -> None:
    await owner.execute("INSERT INTO guilds (id, name) VALUES ($1, 'Q') ON CONFLICT DO NOTHING", QUARRY)
    await owner.execute("INSERT INTO guilds (id, name) VALUES ($1, 'H') ON CONFLICT DO NOTHING", HARBOUR)
    await owner.execute(FILL, HARBOUR, QUARRY, MEMBERS)
    await owner.execute(NAMES)
    await owner.execute("ANALYZE members, member_names, privacy_choices, custom_stats, xp_counts")


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_few_rows_are_read(plans: str, owner: PlainConnection) -> None:
    wrong = []
    async with owner.transaction():
        await owner.execute(f"SET LOCAL plan_cache_mode = {plans}")
        for name, (statement, given) in ASKED.items():
            await owner.execute(f"PREPARE asked AS {statement}")
            plan = await owner.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) EXECUTE asked ({HARBOUR}, {given})")
            await owner.execute("DEALLOCATE asked")
            lines = [row[0] for row in plan]
            scans = [line for line in lines if " Scan " in line and "actual rows=" in line]
            read = sum(_rows(line) for line in scans if "CTE Scan" not in line and "Subquery Scan" not in line)
            if any("Seq Scan on member" in line for line in scans) or read > 4000 + 800:
                wrong.append(f"{name}: {read} rows\n" + "\n".join(lines))
    assert not wrong, "\n\n".join(wrong)


def _rows(line: str) -> float:
    found = re.search(r"actual rows=([\d.]+) loops=(\d+)", line)
    return float(found[1]) * int(found[2]) if found else 0
