"""Conditions: their comparisons, whether they hold, how near a member is. Pure."""

from collections.abc import Callable, Iterator, Mapping
from math import nextafter
from typing import NamedTuple

from msgspec import UNSET

from api.achievements.dtos import Condition, LeafView

COUNTED = ("messages", "voice_seconds", "reactions", "commands")
MEASURED = ("xp", "level", "streak")
BUILT_IN = frozenset(COUNTED + MEASURED)

_ALMOST = nextafter(1.0, 0.0)


class Metric(NamedTuple):
    """What a comparison looks at: a stat, over all time (0) or so many days of the guild, today included."""

    stat: str
    days: int = 0

    @property
    def is_in_row(self) -> bool:
        """Whether a member's own row tells it."""
        return not self.days and self.stat in BUILT_IN

    @property
    def is_bounded(self) -> bool:
        """Whether a member's own row tells it, or the most that it can be by now."""
        return self.stat in BUILT_IN


Values = Mapping[Metric, int]
Test = Callable[[Values], bool]


def comparisons(condition: Condition) -> Iterator[Condition]:
    """The comparisons, from left to right."""
    for group in (condition.all, condition.any):
        if group is not UNSET:
            for child in group:
                yield from comparisons(child)
            return
    yield condition


def metric(comparison: Condition) -> Metric:
    """What a comparison looks at."""
    assert comparison.stat is not UNSET
    return Metric(comparison.stat, 0 if comparison.within is UNSET else int(comparison.within[:-1]))


def threshold(comparison: Condition) -> int:
    """The value from which on it holds."""
    assert comparison.gte is not UNSET
    return comparison.gte


def compiled(condition: Condition) -> Test:
    """A function that tells whether it holds; what is not among the values counts as 0."""
    if condition.all is not UNSET:
        tests = [compiled(child) for child in condition.all]
        return lambda values: all(test(values) for test in tests)
    if condition.any is not UNSET:
        tests = [compiled(child) for child in condition.any]
        return lambda values: any(test(values) for test in tests)
    what, least = metric(condition), threshold(condition)
    return lambda values: values.get(what, 0) >= least


def progress(condition: Condition, values: Values) -> float:
    """How near it is, from 0 to 1: of `all` the mean, of `any` the largest. 1 exactly where it holds: what is
    only almost 1 is kept below it, whatever floating point makes of it."""
    if condition.all is not UNSET:
        shares = [progress(child, values) for child in condition.all]
        return 1.0 if min(shares) == 1.0 else min(sum(shares) / len(shares), _ALMOST)
    if condition.any is not UNSET:
        return max(progress(child, values) for child in condition.any)
    value, least = values.get(metric(condition), 0), threshold(condition)
    return 1.0 if value >= least else min(max(value, 0) / least, _ALMOST)


def comparison_views(condition: Condition, values: Values) -> list[LeafView]:
    """Each comparison as it is told."""
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
