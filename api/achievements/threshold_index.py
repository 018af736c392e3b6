"""What holds of a member, as masks of bits: by thresholds that are sorted, and by trees of comparisons. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from api.achievements import conditions
from api.achievements.conditions import Metric
from api.achievements.dtos import Condition

ENDLESS = 2**64


class ThresholdTable:
    """The thresholds of one measure, with what holds from each of them on."""

    def __init__(self, pairs: Iterable[tuple[int, int, int]]) -> None:
        """Thresholds, each with the bits of achievements and of comparisons that it is for."""
        self._thresholds: list[int] = []
        self._held: list[tuple[int, int]] = [(0, 0)]
        for least, definitions, comparisons in sorted(pairs):
            before = self._held[-1]
            self._thresholds.append(least)
            self._held.append((before[0] | definitions, before[1] | comparisons))

    def at(self, value: int) -> tuple[int, int]:
        """The bits of achievements, and of comparisons, that hold at this value."""
        return self._held[bisect_right(self._thresholds, value)]

    def around(self, value: int) -> tuple[int, int, int, int]:
        """The same, and between which values that is so."""
        place = bisect_right(self._thresholds, value)
        low = self._thresholds[place - 1] if place else -ENDLESS
        high = self._thresholds[place] if place < len(self._thresholds) else ENDLESS
        return *self._held[place], low, high


class Snapshot:
    """A member's numbers as they are, what holds at them, and between which numbers that stays so."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values
        self.held = self.comparisons = 0
        self.lows, self.highs = [-ENDLESS] * len(values), [ENDLESS] * len(values)

    def add(self, table: ThresholdTable, place: int, *, less: int = 0) -> None:
        """Adds what holds at the number in this place, with `less` taken off."""
        held, comparisons, low, high = table.around(self.values[place] - less)
        self.held |= held
        self.comparisons |= comparisons
        self.narrow(place, low + less, high + less)

    def narrow(self, place: int, low: int, high: int) -> None:
        self.lows[place] = max(self.lows[place], low)
        self.highs[place] = min(self.highs[place], high)


def mask_test(condition: Condition, bits: dict[tuple[Metric, int], int]) -> Callable[[int], bool]:
    """A function of the mask of comparisons that hold. Gives each comparison its bit."""
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
    """The bits of the comparisons among them, and the groups among them."""
    mask, groups = 0, []
    for child in children:
        if child.stat is msgspec.UNSET:
            groups.append(mask_test(child, bits))
        else:
            mask |= bits.setdefault((conditions.metric(child), conditions.threshold(child)), 1 << len(bits))
    return mask, groups
