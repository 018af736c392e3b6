"""Rows of activity, written without the API."""

from datetime import date, datetime

from api.postgres.engine import PlainConnection
from tests.support.people import ADA, HARBOUR

STATS = ("xp", "messages", "voice_seconds", "reactions", "commands")


async def add_day(
    owner: PlainConnection, day: date, user_id: int = ADA, guild_id: int = HARBOUR, **counted: int
) -> None:
    """Adds to a member's day."""
    await owner.execute("SELECT guildhall_create_partition('activity_days', $1)", day)
    await _add(owner, "activity_days", "day", day, user_id, guild_id, counted)


async def add_hour(
    owner: PlainConnection, hour: datetime, user_id: int = ADA, guild_id: int = HARBOUR, **counted: int
) -> None:
    """Adds to a member's hour."""
    await owner.execute("SELECT guildhall_create_partition('activity_hours', $1)", hour.date())
    await _add(owner, "activity_hours", "hour", hour, user_id, guild_id, counted)


async def add_stat(owner: PlainConnection, day: date, stat: str, user_id: int = ADA, guild_id: int = HARBOUR) -> None:
    """One of a custom stat, in all and on the day."""
    await owner.execute("SELECT guildhall_create_partition('custom_stat_days', $1)", day)
    await owner.execute("INSERT INTO custom_stats VALUES (DEFAULT, $1, $2, $3, 1)", guild_id, user_id, stat)
    await owner.execute("INSERT INTO custom_stat_days VALUES ($1, $2, $3, $4, 1)", guild_id, stat, day, user_id)


async def _add(
    owner: PlainConnection,
    table: str,
    column: str,
    at: date,
    user_id: int,
    guild_id: int,
    counted: dict[str, int],
) -> None:
    await owner.execute(
        f"INSERT INTO {table} AS t (guild_id, {column}, user_id, {', '.join(STATS)})"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        f" ON CONFLICT (guild_id, {column}, user_id) DO UPDATE SET messages = t.messages + EXCLUDED.messages",
        guild_id,
        at,
        user_id,
        *(counted.get(stat, 0) for stat in STATS),
    )
