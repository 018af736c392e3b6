"""Shapes of a guild's public leaderboard. What a guild does not publish is left out or null."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.leaderboards.dtos import Period
from api.lib.pagination import CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.times import DayText


class PublicLeaderboardQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stat and the period of the leaderboard, and the page."""

    stat: (
        Annotated[
            str,
            Meta(
                pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
                description="One of the stats that the guild publishes. Default: the first of them",
            ),
        ]
        | None
    ) = None
    period: Annotated[Period, Meta(description="Default: `all`, for all time")] = "all"
    at: Annotated[DayText, Meta(description="A day (2026-11-16) within a past day, week or month")] | None = None
    around: Annotated[Snowflake, Meta(description="The page with this member in its middle")] | None = None
    limit: Limit = 50
    cursor: CursorText | None = None


class PublicGuildView(msgspec.Struct, frozen=True):
    """A guild with a public leaderboard, and the stats that it publishes."""

    id: str
    name: str
    icon: str | None
    slug: str | None
    stats: list[str]


class PublicEntryView(msgspec.Struct, frozen=True):
    """A member's rank. `xp` and `level` are null where the guild does not publish XP."""

    rank: int
    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    value: int
    xp: int | None
    level: int | None


class PublicLeaderboardView(msgspec.Struct, frozen=True):
    """A page of a public leaderboard. Its fields mean the same as on the guild's own leaderboard."""

    guild: PublicGuildView
    stat: str
    period: Period | None
    from_: date | None = msgspec.field(name="from")
    to: date | None
    as_of: datetime | None
    member_count: int
    items: list[PublicEntryView]
    next_cursor: str | None = None


class PublicAchievementView(msgspec.Struct, frozen=True):
    """An achievement that a member has."""

    achievement: str
    name: str
    icon: str | None
    description: str | None
    awarded_at: datetime


class PublicMemberView(msgspec.Struct, frozen=True):
    """A member of a guild with a public leaderboard. `xp`, the levels and `rank` are null where the guild does not
    publish XP; `stats` has the other stats that it publishes."""

    guild: PublicGuildView
    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    xp: int | None
    level: int | None
    level_xp: int | None
    next_level_xp: int | None
    rank: int | None
    member_count: int
    stats: dict[str, int]
    achievements: list[PublicAchievementView]
