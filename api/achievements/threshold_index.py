"""The threshold index: finds what holds for a member's numbers, as bit masks, by binary search. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from api.achievements import conditions
from api.achievements.conditions import Metric
from api.achievements.dtos import Condition

ENDLESS = 2**64


class ThresholdTable:
    """The sorted thresholds of one metric. Each entry has the masks of everything that holds from there on."""

    def __init__(self, pairs: Iterable[tuple[int, int, int]]) -> None:
        """`pairs`: each threshold, with the bits of its achievements and of its comparisons."""
        self._thresholds: list[int] = []
        self._held: list[tuple[int, int]] = [(0, 0)]
        for least, definitions, comparisons in sorted(pairs):
            before = self._held[-1]
            self._thresholds.append(least)
            self._held.append((before[0] | definitions, before[1] | comparisons))

    def at(self, value: int) -> tuple[int, int]:
        """The masks of achievements and of comparisons that hold at this value."""
        return self._held[bisect_right(self._thresholds, value)]

    def around(self, value: int) -> tuple[int, int, int, int]:
        """The masks at this value, and the range of values, `low` up to `high`, that has the same masks."""
        place = bisect_right(self._thresholds, value)
        low = self._thresholds[place - 1] if place else -ENDLESS
        high = self._thresholds[place] if place < len(self._thresholds) else ENDLESS
        return *self._held[place], low, high


class Snapshot:
    """A member's numbers, the masks of what holds at them, and the range of numbers that has the same masks."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values
        self.held = self.comparisons = 0
        self.lows, self.highs = [-ENDLESS] * len(values), [ENDLESS] * len(values)

    def add(self, table: ThresholdTable, place: int, *, less: int = 0) -> None:
        """Adds the masks of a table, at the number in this place minus `less`."""
        held, comparisons, low, high = table.around(self.values[place] - less)
        self.held |= held
        self.comparisons |= comparisons
        self.narrow(place, low + less, high + less)

    def narrow(self, place: int, low: int, high: int) -> None:
        self.lows[place] = max(self.lows[place], low)
        self.highs[place] = min(self.highs[place], high)


def mask_test(condition: Condition, bits: dict[tuple[Metric, int], int]) -> Callable[[int], bool]:
    """Compiles a tree to a test of the mask of comparisons that hold. Gives each comparison its bit in `bits`."""
    if condition.all is not msgspec.UNSET:
        wanted, groups = _split(condition.all, bits)
        if not groups:
            return lambda held: held & wanted == wanted
        return lambda held: held & wanted == wanted and all(group(held) for group in groups)
    if condition.any is not msgspec.UNSET:
        one_of, groups = _split(condition.any, bits)
        if not groups:
            return lambda held: held & one_of != 0
        return lambda held: held & one_of != 0 or any(group(held) for group in groups)
    return mask_test(Condition(all=[condition]), bits)


def _split(
    children: Iterable[Condition], bits: dict[tuple[Metric, int], int]
) -> tuple[int, list[Callable[[int], bool]]]:
    """Of a tree's children: the mask of the comparisons, and the tests of the groups."""
    mask, groups = 0, []
    for child in children:
        if child.stat is msgspec.UNSET:
            groups.append(mask_test(child, bits))
        else:
            mask |= bits.setdefault((conditions.metric(child), conditions.threshold(child)), 1 << len(bits))
    return mask, groups
