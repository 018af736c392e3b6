"""Conditions: their comparisons, and a member's progress. `threshold_index` evaluates them. Pure."""

from collections.abc import Iterator, Mapping
from math import nextafter
from typing import NamedTuple

from msgspec import UNSET

from api.achievements.dtos import Condition, LeafView

COUNTED = ("messages", "voice_seconds", "reactions", "commands")
MEASURED = ("xp", "level", "streak")
BUILT_IN = frozenset(COUNTED + MEASURED)

_ALMOST = nextafter(1.0, 0.0)


class Metric(NamedTuple):
    """The metric of a comparison: a stat, over all time (`days` 0) or over the guild's last `days` days including
    today."""

    stat: str
    days: int = 0

    @property
    def is_in_row(self) -> bool:
        """Whether the member's row holds its value."""
        return not self.days and self.stat in BUILT_IN

    @property
    def is_bounded(self) -> bool:
        """Whether the member's row holds its value, or an upper bound of it."""
        return self.stat in BUILT_IN


Values = Mapping[Metric, int]


def comparisons(condition: Condition) -> Iterator[Condition]:
    """The comparisons, from left to right."""
    for group in (condition.all, condition.any):
        if group is not UNSET:
            for child in group:
                yield from comparisons(child)
            return
    yield condition


def metric(comparison: Condition) -> Metric:
    """The metric of a comparison."""
    assert comparison.stat is not UNSET
    return Metric(comparison.stat, 0 if comparison.within is UNSET else int(comparison.within[:-1]))


def threshold(comparison: Condition) -> int:
    """The smallest value for which the comparison holds."""
    assert comparison.gte is not UNSET
    return comparison.gte


def progress(condition: Condition, values: Values) -> float:
    """The progress, from 0 to 1: the mean of `all`, the largest of `any`. Exactly 1 if and only if the condition holds:
    rounding never produces 1."""
    if condition.all is not UNSET:
        shares = [progress(child, values) for child in condition.all]
        return 1.0 if min(shares) == 1.0 else min(sum(shares) / len(shares), _ALMOST)
    if condition.any is not UNSET:
        return max(progress(child, values) for child in condition.any)
    value, least = values.get(metric(condition), 0), threshold(condition)
    return 1.0 if value >= least else min(max(value, 0) / least, _ALMOST)


def comparison_views(condition: Condition, values: Values) -> list[LeafView]:
    """Each comparison, with its value and its progress."""
    return [
        LeafView(
            stat=metric(comparison).stat,
            value=values.get(metric(comparison), 0),
            gte=threshold(comparison),
            within=None if comparison.within is UNSET else comparison.within,
            progress=progress(comparison, values),
        )
        for comparison in comparisons(condition)
    ]
