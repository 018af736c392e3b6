"""A member's profile, from one row."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg
import msgspec

from api.members import queries, streaks
from api.members.dtos import ListedMemberView, MemberView, StatsView, StreakView
from api.members.leveling_config import LevelingConfig
from api.members.names import avatar_url
from api.postgres.database import Connection

Key = tuple[int, int]  # guild, user

_decode_stats = msgspec.json.Decoder(dict[str, int]).decode


def profile(config: LevelingConfig, user_id: int, row: asyncpg.Record, today: date) -> MemberView:
    """The profile of a row of `queries.PROFILES`. `today`: the guild's present day."""
    return MemberView(**_members(config, user_id, row, today), rank=row["rank"])


def listed(config: LevelingConfig, row: asyncpg.Record, today: date) -> ListedMemberView:
    """The profile of a row of `listing_queries`, which has the same columns, but for the rank."""
    return ListedMemberView(**_members(config, row["user_id"], row, today))


def _members(config: LevelingConfig, user_id: int, row: asyncpg.Record, today: date) -> dict[str, Any]:  # Any: values
    """What a profile has, but for the rank."""
    level_curve, xp, stats = config.level_curve, row["xp"], row["custom_stats"]
    level = level_curve.level(xp)
    streak = streaks.current(row["streak_from"], row["streak_to"], today, config.skipped_days)
    return {
        "guild_id": str(config.guild_id),
        "user_id": str(user_id),
        "username": row["username"],
        "display_name": row["display_name"],
        "avatar_url": avatar_url(user_id, row["avatar"]),
        "xp": xp,
        "level": level,
        "level_xp": level_curve.begins(level),
        "next_level_xp": level_curve.next(level),
        "member_count": row["member_count"],
        "stats": StatsView(row["messages"], row["voice_seconds"], row["reactions"], row["commands"]),
        "custom_stats": {} if stats is None else _decode_stats(stats),
        "streak": StreakView(streak, row["streak_best"]),
        "first_seen_at": row["first_seen_at"],
        "last_active_at": row["last_active_at"],
    }


async def rows(connection: Connection, keys: Sequence[Key]) -> list[asyncpg.Record | None]:
    """The rows of these members; None for an unknown one."""
    found: list[asyncpg.Record | None] = [None] * len(keys)
    for row in await connection.fetch(queries.PROFILES, *zip(*keys, strict=True)):
        found[row["place"] - 1] = row
    return found
