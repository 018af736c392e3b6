"""From XP to levels, and from levels to roles. Pure."""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from api.lib.shared import Shared
from api.settings.builtin.leveling import LevelingSettings
from api.settings.curves import Curve, thresholds

_decode = msgspec.json.Decoder(tuple[Curve, int | None]).decode


class LevelCurve:
    """The total XP at which levels 1, 2, … begin; level 0 begins at 0."""

    __slots__ = ("__weakref__", "_thresholds")

    def __init__(self, thresholds: list[int]) -> None:
        self._thresholds = thresholds

    def level(self, xp: int) -> int:
        """The level of so much XP."""
        return bisect_right(self._thresholds, xp)

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self._thresholds)

    def begins(self, level: int) -> int:
        """The total XP at which the level begins."""
        return self._thresholds[level - 1] if level else 0

    def next(self, level: int) -> int | None:
        """The total XP at which the level above begins; None at the top."""
        return self._thresholds[level] if level < len(self._thresholds) else None


def level_curve(curve: Curve, max_level: int | None) -> LevelCurve:
    """The level curve of settings that are valid. Guilds with equal curves share one object."""
    return _shared.of(msgspec.json.encode((curve, max_level)).decode())


def _level_curve(encoded: str) -> LevelCurve:
    return LevelCurve(thresholds(*_decode(encoded)))


_shared = Shared(_level_curve)


class RoleChanges(msgspec.Struct, frozen=True):
    """The ids of roles to add to a member and to remove, so that they have the role rewards of their level."""

    add: list[str]
    remove: list[str]


def deserved(settings: LevelingSettings, level: int) -> list[str]:
    """The roles of a level, lowest level first: of all levels up to it, or, where rewards are not
    stacked, of the highest of these alone."""
    rewards = sorted((reward for reward in settings.role_rewards if reward.level <= level), key=lambda each: each.level)
    if rewards and not settings.stack_role_rewards:
        top = rewards[-1].level
        rewards = [reward for reward in rewards if reward.level == top]
    return list(dict.fromkeys(reward.role_id for reward in rewards))


def role_changes(settings: LevelingSettings, level: int, held: Iterable[str]) -> RoleChanges:
    """What to add and to remove, for a member of this level who holds these roles. Only roles that are
    a reward of some level are ever removed."""
    if not settings.role_rewards:
        return RoleChanges([], [])
    held = set(held)
    wanted = deserved(settings, level)
    rewards = dict.fromkeys(reward.role_id for reward in settings.role_rewards)
    return RoleChanges(
        [role for role in wanted if role not in held],
        [role for role in rewards if role in held and role not in wanted],
    )
