"""The threshold index: finds the conditions that hold for a member's numbers, as bit masks, by binary search. Pure.

It is the only evaluator of conditions."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from api.achievements import conditions
from api.achievements.conditions import Metric, Values
from api.achievements.dtos import Condition

ENDLESS = 2**64
MOST_REMEMBERED = 1000  # masks whose results are cached


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
        if low > self.lows[place]:
            self.lows[place] = low
        if high < self.highs[place]:
            self.highs[place] = high


class ThresholdIndex:
    """Conditions, each with the bit of its achievement."""

    def __init__(self, given: Iterable[tuple[int, Condition]]) -> None:
        self._trees: list[tuple[int, Callable[[int], bool]]] = []
        self._trees_at: dict[int, int] = {}  # trees that hold, by the mask of comparisons
        pairs: dict[Metric, list[tuple[int, int, int]]] = {}
        bits: dict[tuple[Metric, int], int] = {}
        for bit, condition in given:
            if condition.stat is msgspec.UNSET:
                self._trees.append((bit, _mask_test(condition, bits)))
            else:
                what, least = conditions.metric(condition), conditions.threshold(condition)
                pairs.setdefault(what, []).append((least, bit, 0))
        for (what, least), comparison in bits.items():
            pairs.setdefault(what, []).append((least, 0, comparison))
        self.tables = {what: ThresholdTable(found) for what, found in pairs.items()}
        # Comparisons in trees, of metrics for which a member's row gives no upper bound.
        self.unbounded = sum(comparison for (what, _), comparison in bits.items() if not what.is_bounded)

    def holding(self, values: Values) -> int:
        """The bits of the conditions that hold. Missing values count as 0."""
        held = comparisons = 0
        for what, table in self.tables.items():
            here = table.at(values.get(what, 0))
            held |= here[0]
            comparisons |= here[1]
        return held | self.trees_holding(comparisons)

    def trees_holding(self, comparisons: int) -> int:
        """The bits of the trees that hold if these comparisons hold."""
        found = self._trees_at.get(comparisons)
        if found is None:
            found = 0
            for bit, holds in self._trees:
                if holds(comparisons):
                    found |= bit
            if len(self._trees_at) >= MOST_REMEMBERED:
                self._trees_at.clear()
            self._trees_at[comparisons] = found
        return found


def compiled(condition: Condition) -> Callable[[Values], bool]:
    """Compiles one condition to a test of values."""
    index = ThresholdIndex([(1, condition)])
    return lambda values: index.holding(values) != 0


def _mask_test(condition: Condition, bits: dict[tuple[Metric, int], int]) -> Callable[[int], bool]:
    """Compiles a tree to a test of the mask of comparisons that hold. Assigns each comparison its bit in `bits`."""
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
    return _mask_test(Condition(all=[condition]), bits)


def _split(
    children: Iterable[Condition], bits: dict[tuple[Metric, int], int]
) -> tuple[int, list[Callable[[int], bool]]]:
    """The mask of the comparisons among a tree's children, and the tests of its groups."""
    mask, groups = 0, []
    for child in children:
        if child.stat is msgspec.UNSET:
            groups.append(_mask_test(child, bits))
        else:
            mask |= bits.setdefault((conditions.metric(child), conditions.threshold(child)), 1 << len(bits))
    return mask, groups
