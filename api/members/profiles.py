"""A member's profile, from the one row that tells it all."""

from datetime import date

import asyncpg
import msgspec

from api.members import streaks
from api.members.dtos import MemberView, StatsView, StreakView
from api.members.rules import GuildRules

_decode_stats = msgspec.json.Decoder(dict[str, int]).decode


def profile(rules: GuildRules, user_id: int, row: asyncpg.Record, today: date) -> MemberView:
    """A row of `queries.PROFILE` as it is told on that day, the guild's."""
    xp, ladder, stats = row["xp"], rules.ladder, row["custom_stats"]
    level = ladder.level(xp)
    return MemberView(
        guild_id=str(rules.guild_id),
        user_id=str(user_id),
        xp=xp,
        level=level,
        level_xp=ladder.begins(level),
        next_level_xp=ladder.next(level),
        rank=row["rank"],
        member_count=row["member_count"],
        stats=StatsView(row["messages"], row["voice_seconds"], row["reactions"], row["commands"]),
        custom_stats={} if stats is None else _decode_stats(stats),
        streak=StreakView(streaks.current(row["streak_from"], row["streak_to"], today), row["streak_best"]),
        first_seen_at=row["first_seen_at"],
        last_active_at=row["last_active_at"],
    )
