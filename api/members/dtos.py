"""Shapes of members, their XP and their time series."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.lib.pagination import LARGEST_PAGE, CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.times import DayOrTime
from api.members.levelups import LevelUp
from api.members.names import AVATAR, GivenNames
from api.settings.curves import MAX_XP

MOST_ROLES = 250
MOST_NAMES = 1000

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


class ListedMemberView(msgspec.Struct, frozen=True):
    """A member's profile, without their rank. Names and avatar are null while they are unknown. `level_xp` is the
    total XP at which the level begins, `next_level_xp` the total at which the next level begins, null at the
    highest."""

    guild_id: str
    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    xp: int
    level: int
    level_xp: int
    next_level_xp: int | None
    member_count: int
    stats: StatsView
    custom_stats: dict[str, int]
    streak: StreakView
    first_seen_at: datetime | None
    last_active_at: datetime | None


class MemberView(ListedMemberView, frozen=True):
    """A member's profile, with their rank; null for a member who is on no leaderboard."""

    rank: int | None


_NAME = "Cleaned, and cut to 100 characters. Null: unknown"
Avatar = Annotated[str, Meta(pattern=AVATAR, description="Discord's hash of the avatar")]


class PatchMember(GivenNames, frozen=True, forbid_unknown_fields=True):
    """A member's names and avatar. Absent ones stay unchanged."""

    username: Annotated[str, Meta(description=f"The name on Discord. {_NAME}")] | None | UnsetType = UNSET
    display_name: Annotated[str, Meta(description=f"The name in the guild. {_NAME}")] | None | UnsetType = UNSET
    avatar: Avatar | None | UnsetType = UNSET


class NameItem(PatchMember, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The names and avatar of one member. Absent ones stay unchanged."""

    user_id: Snowflake


class PutNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names and avatars of members."""

    items: Annotated[list[NameItem], Meta(min_length=1, max_length=MOST_NAMES)]


class NamesPutView(msgspec.Struct, frozen=True):
    """How many members have new names, how many had them already or have opted out, and how many are not members."""

    updated: int
    unchanged: int
    unknown: int


class MembersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which members, and the page."""

    search: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="The beginning of a display name or username, whatever its case and accents; or a whole id",
                examples=["ada"],
            ),
        ]
        | None
    ) = None
    ids: Annotated[
        list[Snowflake],
        Meta(min_length=1, max_length=LARGEST_PAGE, description="Only these members: repeated, or separated by commas"),
    ] = msgspec.field(default_factory=list)
    limit: Limit = 50
    cursor: CursorText | None = None


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
    username: str | None
    display_name: str | None
    avatar_url: str | None
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
