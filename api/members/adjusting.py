"""What comes of XP that was given by hand."""

import msgspec

from api.members.dtos import MemberView, UnlockedAchievement
from api.members.levelups import LevelUp


class XpAdjustedView(msgspec.Struct, frozen=True):
    """The member as they are now, and what to do about it. `level_up` is null unless the level rose."""

    member: MemberView
    level_up: LevelUp | None
    achievements_unlocked: list[UnlockedAchievement]
