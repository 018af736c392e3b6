"""Whether the boards and the counters of ranks say what the members' rows say."""

from api.postgres.engine import PlainConnection

_EXPECTED = """
    SELECT guild_id, kept, guildhall_xp_floor(xp, kept) AS low, count(*) AS members
    FROM members CROSS JOIN (VALUES (1), (8)) AS each (kept)
    WHERE is_ranked GROUP BY 1, 2, 3
"""
_STORED = "SELECT guild_id, kept, low, members FROM xp_counts WHERE members <> 0"
_ON_BOARDS = """
    SELECT guild_id, stat, value, user_id FROM members CROSS JOIN LATERAL (
        VALUES (0, xp), (1, messages), (2, voice_seconds), (3, reactions), (4, commands)
    ) AS each (stat, value)
    WHERE is_ranked AND (stat = 0 OR value > 0)
"""


async def assert_counters(owner: PlainConnection) -> None:
    """Compares the boards and the counters of all guilds with what a recount of all members gives."""
    expected = {tuple(row) for row in await owner.fetch(_EXPECTED)}
    assert {tuple(row) for row in await owner.fetch(_STORED)} == expected
    boards = [tuple(row) for row in await owner.fetch("SELECT guild_id, stat, value, user_id FROM boards")]
    assert sorted(boards) == sorted(tuple(row) for row in await owner.fetch(_ON_BOARDS))
