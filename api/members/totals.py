"""Marks checkpoints of leaderboards as stale after a write to old days.

Boards of long windows in large guilds are read from `activity_totals`, each member's totals up to the ends of months
(`api/leaderboards/folding.py`). Recording never writes to a day that may have sums, so it pays nothing."""

from datetime import date

from api.members import queries
from api.postgres.database import Connection


async def note_rewritten(connection: Connection, guild_id: int, day: date) -> None:
    """Marks the days from this one on as rewritten, in the caller's transaction."""
    await connection.execute(queries.NOTE_REWRITTEN, guild_id, day)


async def note_removed(connection: Connection, guild_id: int) -> None:
    """Announces that a member's days and sums are about to be removed, in the caller's transaction."""
    await connection.execute(queries.NOTE_REMOVED, guild_id)
