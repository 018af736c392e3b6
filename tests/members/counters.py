"""Whether the counters of ranks say what the members' rows say."""

from api.engine import PlainConnection

_EXPECTED = """
    SELECT guild_id, kept, guildhall_xp_floor(xp, kept) AS low, count(*) AS members
    FROM members CROSS JOIN (VALUES (1), (8)) AS each (kept)
    WHERE is_ranked GROUP BY 1, 2, 3
"""
_STORED = "SELECT guild_id, kept, low, members FROM xp_counts WHERE members <> 0"


async def assert_counters(owner: PlainConnection) -> None:
    """Compares the counters of all guilds with what a recount of all members gives."""
    expected = {tuple(row) for row in await owner.fetch(_EXPECTED)}
    assert {tuple(row) for row in await owner.fetch(_STORED)} == expected
