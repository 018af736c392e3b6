"""Shapes of achievements: what a guild defines, who has earned it, how near others are."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.lib.pagination import CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.text import Line, TypedName
from api.members.dtos import UnlockedAchievement, UnlockRewards
from api.members.levelups import LevelUp
from api.settings.curves import MAX_XP

NAME_CHARACTERS = 100
DESCRIPTION_CHARACTERS = 1000
ICON_CHARACTERS = 255
MOST_COMPARISONS = 20
MOST_DEPTH = 4
MOST_PREREQUISITES = 20
LARGEST_NUMBER = 2**63 - 1

RESERVED = ("simulate", "restore")
KEY_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"

Key = Annotated[
    str,
    Meta(
        pattern=rf"^(?!({'|'.join(RESERVED)})$)[a-z0-9][a-z0-9-]{{0,63}}$(?!\n)",
        description="The achievement's name in addresses. `simulate` and `restore` are reserved.",
        examples=["chatterbox"],
        extra_json_schema={"format": "achievement-key"},
    ),
]
Name = Annotated[TypedName, Meta(min_length=1, max_length=NAME_CHARACTERS, description="The name that members read.")]
Description = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=DESCRIPTION_CHARACTERS,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$(?!\n)",
        description="How to earn it, in words.",
        extra_json_schema={"format": "text"},
    ),
]
Icon = Annotated[
    Line,
    Meta(min_length=1, max_length=ICON_CHARACTERS, description="An emoji, or the address of a picture."),
]
Prerequisites = Annotated[
    list[Key],
    Meta(max_length=MOST_PREREQUISITES, description="Keys of the achievements that a member needs first."),
]
Stat = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
        description="`messages`, `voice_seconds`, `reactions`, `commands`, `xp`, `level`, `streak` (the best one),"
        " or a stat of your own.",
        examples=["messages"],
        extra_json_schema={"format": "stat"},
    ),
]
Threshold = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER, description="The condition is met at this value and above.")]
Within = Annotated[
    str,
    Meta(
        pattern=r"^([1-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])d$(?!\n)",
        description="Count only the last days of the guild, including today: `1d` to `366d`.",
        examples=["7d"],
        extra_json_schema={"format": "window"},
    ),
]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tree: `all` or `any` of conditions, or a comparison of a stat. At most 4 groups within one another, and
    20 comparisons."""

    all: Annotated[list["Condition"], Meta(min_length=1, max_length=MOST_COMPARISONS)] | UnsetType = UNSET
    any: Annotated[list["Condition"], Meta(min_length=1, max_length=MOST_COMPARISONS)] | UnsetType = UNSET
    stat: Stat | UnsetType = UNSET
    gte: Threshold | UnsetType = UNSET
    within: Within | UnsetType = UNSET


RewardXp = Annotated[int, Meta(ge=0, le=MAX_XP, description="XP that the award gives.")]


class Rewards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes with an achievement."""

    xp: RewardXp = 0
    role_id: Snowflake | None = None


class PatchRewards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays, null is none."""

    xp: RewardXp | None | UnsetType = UNSET
    role_id: Snowflake | None | UnsetType = UNSET


class CreateAchievement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An achievement, as it shall be."""

    key: Key
    name: Name
    condition: Condition
    description: Description | None = None
    icon: Icon | None = None
    hidden: Annotated[bool, Meta(description="Only members who have it can see it.")] = False
    prerequisites: Prerequisites = []
    retroactive: Annotated[bool, Meta(description="A backfill gives it to members who already meet the condition.")] = (
        False
    )
    rewards: Rewards = Rewards()


class SimulateAchievement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft. Only its condition and what must come before it count; with the key of one that is there already,
    those who have that one do not unlock it again."""

    condition: Condition
    key: Key | None = None
    name: Name | None = None
    description: Description | None = None
    icon: Icon | None = None
    hidden: bool = False
    prerequisites: Prerequisites = []
    retroactive: bool = False
    rewards: Rewards = Rewards()


class PatchAchievement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A merge patch: what is absent stays, null goes back to the first value. A condition is replaced as a whole."""

    name: Name | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    icon: Icon | None | UnsetType = UNSET
    hidden: bool | None | UnsetType = UNSET
    prerequisites: Prerequisites | None | UnsetType = UNSET
    retroactive: bool | None | UnsetType = UNSET
    rewards: PatchRewards | None | UnsetType = UNSET


class AwardingView(msgspec.Struct, frozen=True):
    """How far it is found out who meets it already: `progress` from 0 to 1, and how many were given it so far."""

    status: Literal["queued", "running", "finished", "failed"]
    progress: float
    awarded: int


class AchievementView(msgspec.Struct, frozen=True):
    """An achievement. `guild_id` is null for one of the whole installation. `awarded_count` members have it, which
    is the share `rarity` of all members, from 0 to 1: of the guilds that the caller sees. `awarding` is null unless it
    is or was awarded to those who met it already, and where that concerns guilds that the caller does not see.
    `deleted_at` is set while it can be restored."""

    key: str
    guild_id: str | None
    name: str
    description: str | None
    icon: str | None
    hidden: bool
    prerequisites: list[str]
    retroactive: bool
    condition: Condition
    rewards: UnlockRewards
    revision: int
    awarded_count: int
    rarity: float
    awarding: AwardingView | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class ChangedAchievementView(AchievementView, frozen=True):
    """The same after a change. `not_qualifying`: how many of those who have it would not get it now; they keep it.
    Null where the condition did not change, and where there are too many to tell in time."""

    not_qualifying: int | None


class AchievementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of achievements."""

    limit: Limit = 50
    cursor: CursorText | None = None
    deleted: Annotated[bool, Meta(description="List deleted ones instead")] = False


class LeafView(msgspec.Struct, frozen=True):
    """One comparison: what it is now, and what it has to be. `within` is null for all time."""

    stat: str
    value: int
    gte: int
    within: str | None
    progress: float


class MemberAchievementView(msgspec.Struct, frozen=True):
    """An achievement as one member has it, or is on the way to it: `progress` is 1 exactly where the condition
    holds now. One that was changed or deleted since keeps the name under which it was awarded."""

    achievement: str
    name: str
    scope: Literal["guild", "global"]
    awarded_at: datetime | None
    progress: float
    leaves: list[LeafView]


class MemberAchievementsView(msgspec.Struct, frozen=True):
    """All that the member has or may earn."""

    items: list[MemberAchievementView]


class AwardedView(MemberAchievementView, frozen=True):
    """An award by hand, and what came of it: the level that its XP reached, and what else that unlocked."""

    rewards: UnlockRewards
    level_up: LevelUp | None
    achievements_unlocked: list[UnlockedAchievement]


class RevokeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of the reward."""

    keep_rewards: Annotated[bool, Meta(description="Let the member keep the XP of the reward.")] = False


class SimulationView(msgspec.Struct, frozen=True):
    """Who would get it: `eligible` members meet the condition and have what must come before; `would_unlock` of
    these do not have it already, and had it never revoked; `share` of all members is eligible."""

    eligible: int
    would_unlock: int
    share: float
