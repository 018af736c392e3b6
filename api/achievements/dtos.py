"""Shapes of achievements: definitions, awards, progress."""

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
    """A condition: a comparison of a stat, or `all` or `any` of a list of conditions. At most 4 groups deep, with at
    most 20 comparisons."""

    all: Annotated[list["Condition"], Meta(min_length=1, max_length=MOST_COMPARISONS)] | UnsetType = UNSET
    any: Annotated[list["Condition"], Meta(min_length=1, max_length=MOST_COMPARISONS)] | UnsetType = UNSET
    stat: Stat | UnsetType = UNSET
    gte: Threshold | UnsetType = UNSET
    within: Within | UnsetType = UNSET


RewardXp = Annotated[int, Meta(ge=0, le=MAX_XP, description="XP that the award gives.")]


class Rewards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rewards of an achievement."""

    xp: RewardXp = 0
    role_id: Snowflake | None = None


class PatchRewards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Absent members stay; null removes a reward."""

    xp: RewardXp | None | UnsetType = UNSET
    role_id: Snowflake | None | UnsetType = UNSET


class CreateAchievement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The definition of an achievement."""

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
    """A draft of an achievement. Only its condition and prerequisites count. If it has the key of an existing
    achievement, members who have that one would not unlock it again."""

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
    """A merge patch: absent members stay, null returns a member to its initial value. A condition is replaced as a
    whole."""

    name: Name | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    icon: Icon | None | UnsetType = UNSET
    hidden: bool | None | UnsetType = UNSET
    prerequisites: Prerequisites | None | UnsetType = UNSET
    retroactive: bool | None | UnsetType = UNSET
    rewards: PatchRewards | None | UnsetType = UNSET


class AwardingView(msgspec.Struct, frozen=True):
    """The progress of a backfill, from 0 to 1, and the number of members who got the achievement from it so far."""

    status: Literal["queued", "running", "finished", "failed"]
    progress: float
    awarded: int


class AchievementView(msgspec.Struct, frozen=True):
    """An achievement. `guild_id` is null if it belongs to the installation. `awarded_count` is the number of members
    who have it, and `rarity` their share of all members, from 0 to 1; both cover the guilds that the caller sees.
    `awarding` is the backfill; it is null if there was none, or if it includes guilds that the caller does not see.
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
    """An achievement after a change. `not_qualifying` is the number of members who have it and would not get it now;
    they keep it. It is null if the condition did not change, or if there are too many members to count in time."""

    not_qualifying: int | None


class AchievementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of achievements."""

    limit: Limit = 50
    cursor: CursorText | None = None
    deleted: Annotated[bool, Meta(description="List deleted ones instead")] = False


class LeafView(msgspec.Struct, frozen=True):
    """A comparison: the present value, and the value to reach. `within` is null for all time."""

    stat: str
    value: int
    gte: int
    within: str | None
    progress: float


class MemberAchievementView(msgspec.Struct, frozen=True):
    """An achievement and a member's progress. `progress` is 1 exactly if the condition holds now. If the achievement
    was changed or deleted after its award, it has the name that it had then. `icon` and `description` are the
    definition's."""

    achievement: str
    name: str
    icon: str | None
    description: str | None
    scope: Literal["guild", "global"]
    awarded_at: datetime | None
    progress: float
    leaves: list[LeafView]


class MemberAchievementsView(msgspec.Struct, frozen=True):
    """All achievements that the member has or can earn."""

    items: list[MemberAchievementView]


class AwardedView(MemberAchievementView, frozen=True):
    """An award by hand and its consequences: the level that its XP reached, and other achievements that it unlocked."""

    rewards: UnlockRewards
    level_up: LevelUp | None
    achievements_unlocked: list[UnlockedAchievement]


class RevokeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the member keeps the reward."""

    keep_rewards: Annotated[bool, Meta(description="Let the member keep the XP of the reward.")] = False


class SimulationView(msgspec.Struct, frozen=True):
    """The members who would get a draft. `eligible` members meet the condition and have its prerequisites.
    `would_unlock` of them do not have it already, and it was never revoked from them. `share` is the share of eligible
    members."""

    eligible: int
    would_unlock: int
    share: float
