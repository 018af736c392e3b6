"""Shapes of members, their XP and their time series."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.lib.snowflakes import Snowflake
from api.lib.times import DayOrTime
from api.members.levelups import LevelUp
from api.settings.curves import MAX_XP

MOST_ROLES = 250

Bucket = Literal["hour", "day", "week"]


class StatsView(msgspec.Struct, frozen=True):
    """A member's totals."""

    messages: int
    voice_seconds: int
    reactions: int
    commands: int


class StreakView(msgspec.Struct, frozen=True):
    """Days of the guild in a row with any activity: the present run, which is 0 after a missed day, and the longest
    run."""

    current: int
    best: int


class MemberView(msgspec.Struct, frozen=True):
    """A member's profile. `level_xp` is the total XP at which the level begins, `next_level_xp` the total at which the
    next level begins, null at the highest. `rank` is null for a member who is on no leaderboard."""

    guild_id: str
    user_id: str
    xp: int
    level: int
    level_xp: int
    next_level_xp: int | None
    rank: int | None
    member_count: int
    stats: StatsView
    custom_stats: dict[str, int]
    streak: StreakView
    first_seen_at: datetime | None
    last_active_at: datetime | None


class AdjustXp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either `amount`, to give or take XP, or `set`, to set it."""

    amount: (
        Annotated[int, Meta(ge=-MAX_XP, le=MAX_XP, description="The XP to add; a negative amount takes XP away")]
        | UnsetType
    ) = UNSET
    set: Annotated[int, Meta(ge=0, le=MAX_XP, description="The new XP")] | UnsetType = UNSET


class UnlockRewards(msgspec.Struct, frozen=True):
    """The rewards of an unlocked achievement."""

    xp: int
    role_id: str | None


class UnlockedAchievement(msgspec.Struct, frozen=True):
    """An achievement that a member unlocked."""

    user_id: str
    achievement: str
    rewards: UnlockRewards


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time and the bucket of a series. Default: the last 30 days, by day."""

    from_: Annotated[
        DayOrTime | None,
        Meta(description="From this day (of the guild) or RFC 3339 time; rounded down to the start of its bucket"),
    ] = msgspec.field(default=None, name="from")
    to: Annotated[DayOrTime | None, Meta(description="Up to this day or time, exclusive")] = None
    bucket: Annotated[Bucket, Meta(description="The step of the series, which has at most 2,000 buckets")] = "day"


class BucketView(msgspec.Struct, frozen=True):
    """Activity in the hour, day or week that begins at `at`."""

    at: datetime
    messages: int
    voice_seconds: int
    reactions: int
    commands: int
    xp: int


class SeriesView(msgspec.Struct, frozen=True):
    """Activity over time: every bucket from `from` up to `to`."""

    bucket: Bucket
    from_: datetime = msgspec.field(name="from")
    to: datetime
    items: list[BucketView]


class RoleQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The roles that the member has."""

    role_ids: Annotated[
        list[Snowflake],
        Meta(max_length=MOST_ROLES, description="The member's roles: repeated, or separated by commas"),
    ] = msgspec.field(default_factory=list)


class XpAdjustedView(msgspec.Struct, frozen=True):
    """The member as they are now, and what to do about it. `level_up` is null unless the level rose."""

    member: MemberView
    level_up: LevelUp | None
    achievements_unlocked: list[UnlockedAchievement]
