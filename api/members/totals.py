"""Marks sums of months as stale after a write to old days.

Boards of long windows in large guilds are read from `activity_totals`, a member's sums up to the ends of months
(`api/leaderboards/folding.py`). Recording never writes to a day that may have sums, so it pays nothing."""

from datetime import date

from api.postgres.database import Connection

SPACE = 0x746F7461  # "tota"

KEY = "($1::bigint % 2147483647)::int"

_REWRITTEN = """
    INSERT INTO activity_rewrites AS r (guild_id, day) VALUES ($1, $2)
    ON CONFLICT (guild_id) DO UPDATE SET day = least(r.day, EXCLUDED.day)
"""

# Sums that are being made may have read what is about to be removed, and would be stored after it: then they are made
# anew. Nobody waits: who makes sums holds the lock alone, who removes members shares it.
_REMOVED = f"""
    INSERT INTO activity_rewrites AS r (guild_id, day)
    SELECT $1, '0001-01-01' WHERE NOT pg_try_advisory_xact_lock_shared({SPACE}, {KEY})
    ON CONFLICT (guild_id) DO UPDATE SET day = EXCLUDED.day
"""


async def note_rewritten(connection: Connection, guild_id: int, day: date) -> None:
    """Marks the days from this one on as rewritten, in the caller's transaction."""
    await connection.execute(_REWRITTEN, guild_id, day)


async def note_removed(connection: Connection, guild_id: int) -> None:
    """Announces that a member's days and sums are about to be removed, in the caller's transaction."""
    await connection.execute(_REMOVED, guild_id)
