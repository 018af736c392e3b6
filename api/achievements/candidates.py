"""Candidates: members who may have earned achievements, and their awards. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from api.achievements.conditions import Metric
from api.achievements.index import AchievementIndex, Definition, State
from api.members.leveling_config import LevelingConfig
from api.members.standings import Key, Standing
from api.settings.curves import MAX_XP


class Peak(NamedTuple):
    """A member's numbers just before a stat fell in this transaction: those of their row, and the amounts added since,
    by stat and day."""

    at_hand: dict[Metric, int]
    since: Mapping[tuple[str, date], int]


class Moved(msgspec.Struct):
    """A locked member whose stats moved. `peaks`: their numbers before each fall of a stat. `only`: the one achievement
    to evaluate, whether or not its stats moved. `forced`: an achievement to award whatever its condition."""

    config: LevelingConfig
    standing: Standing
    stats: frozenset[str] = frozenset()
    peaks: list[Peak] = msgspec.field(default_factory=list)
    only: int | None = None
    forced: Definition | None = None


class Candidate(msgspec.Struct):
    """A member who may have earned an achievement."""

    moved: Moved
    index: AchievementIndex
    state: State
    mask: int
    comparisons: int
    values: dict[Metric, int]
    earlier: list[dict[Metric, int]] = msgspec.field(default_factory=list)
    had: int = 0
    held: set[int | None] = msgspec.field(default_factory=set)
    given: list[tuple[Definition, int]] = msgspec.field(default_factory=list)

    @property
    def is_ordinary(self) -> bool:
        """Whether every candidate could be evaluated by the member's row."""
        return self.moved.only is None and not self.moved.peaks

    @property
    def key(self) -> Key:
        return self.moved.standing.guild_id, self.moved.standing.user_id


def has_candidates(member: Candidate) -> bool:
    """Whether any candidate's condition holds."""
    return member.moved.forced is not None or any(
        member.index.holding(values) & member.mask for values in (*member.earlier, member.values)
    )


def unlock(member: Candidate) -> None:
    """Awards the candidates that hold and were never awarded, then those that follow from them, until none follows."""
    waiting = member.mask
    if member.moved.forced is not None:
        waiting |= _grant(member, member.moved.forced, member.values)
    for values in (*member.earlier, member.values):
        if values is not member.values:
            _add_xp(member, values, sum(xp for _, xp in member.given))
        waiting = _unlock_at(member, values, waiting)


def _unlock_at(member: Candidate, values: dict[Metric, int], waiting: int) -> int:
    """Awards by these values. Returns the mask of candidates for the next values."""
    asked = waiting
    while waiting := waiting & ~member.had:
        following, holding = 0, member.index.holding(values)
        for each in member.index.of(waiting):
            if member.index.bits[each.id] & holding and member.held.issuperset(each.requires):
                following |= _grant(member, each, values)
                holding = member.index.holding(values)
        asked |= following
        waiting = following
    return asked & ~member.had


def _grant(member: Candidate, definition: Definition, values: dict[Metric, int]) -> int:
    """Awards one achievement. Returns the achievements that may follow from it. XP never exceeds the maximum."""
    room = MAX_XP - member.moved.standing.xp - sum(xp for _, xp in member.given)
    xp = min(definition.reward_xp, room)
    member.given.append((definition, xp))
    member.had |= member.index.bits.get(definition.id, 0)
    member.held.add(definition.id)
    for each in (values, member.values) if values is not member.values else (values,):
        _add_xp(member, each, xp)
    return member.index.following(definition, risen=xp > 0)


def _add_xp(member: Candidate, values: dict[Metric, int], xp: int) -> None:
    if xp:
        values[Metric("xp")] += xp
        values[Metric("level")] = member.moved.config.level_curve.level(values[Metric("xp")])
