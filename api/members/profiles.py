"""A member's profile, from one row."""

from collections.abc import Sequence
from datetime import date

import asyncpg
import msgspec

from api.members import queries, streaks
from api.members.dtos import MemberView, StatsView, StreakView
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection

Key = tuple[int, int]  # guild, user

_decode_stats = msgspec.json.Decoder(dict[str, int]).decode


def profile(config: LevelingConfig, user_id: int, row: asyncpg.Record, today: date) -> MemberView:
    """The profile of a row of `queries.PROFILES`. `today`: the guild's present day."""
    xp, messages, voice_seconds, reactions, commands, streak_from, streak_to, streak_best, *more = row
    first_seen_at, last_active_at, _, member_count, rank, stats, _ = more
    level_curve = config.level_curve
    level = level_curve.level(xp)
    return MemberView(
        guild_id=str(config.guild_id),
        user_id=str(user_id),
        xp=xp,
        level=level,
        level_xp=level_curve.begins(level),
        next_level_xp=level_curve.next(level),
        rank=rank,
        member_count=member_count,
        stats=StatsView(messages, voice_seconds, reactions, commands),
        custom_stats={} if stats is None else _decode_stats(stats),
        streak=StreakView(streaks.current(streak_from, streak_to, today, config.skipped_days), streak_best),
        first_seen_at=first_seen_at,
        last_active_at=last_active_at,
    )


async def rows(connection: Connection, keys: Sequence[Key]) -> list[asyncpg.Record | None]:
    """The rows of these members; None for an unknown one."""
    found: list[asyncpg.Record | None] = [None] * len(keys)
    for row in await connection.fetch(queries.PROFILES, *zip(*keys, strict=True)):
        found[row["place"] - 1] = row
    return found
