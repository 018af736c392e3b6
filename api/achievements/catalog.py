"""The achievements that can be earned in a guild, in the form in which they are evaluated. Pure.

Each has a number, which is a bit of a mask. A member's numbers are looked up in sorted thresholds, so that what an
event costs hardly depends on how many achievements there are; only trees are evaluated one by one, and those only
when one of their comparisons has turned. What a member's row does not tell (stats of one's own, windows of days)
counts as met here: only then is it looked up."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from api.achievements import conditions
from api.achievements.conditions import Measure, Test
from api.achievements.dtos import Condition
from api.members.ledger import Standing
from api.members.levels import Ladder

# What an event that moves XP may bring about further on.
_RISING = ("xp", "level")


class Definition(msgspec.Struct, frozen=True):
    """An achievement. `requires`: the ids of those that must come before it, None for one that is not there."""

    id: int
    guild_id: int | None
    key: str
    name: str
    hidden: bool
    condition: Condition
    requires: tuple[int | None, ...]
    reward_xp: int
    reward_role_id: int | None
    revision: int
    holds: Test
    measures: frozenset[Measure]

    @property
    def stats(self) -> set[str]:
        """The stats that it mentions."""
        return {measure.stat for measure in self.measures}


class State(msgspec.Struct):
    """What is known of a member: which comparisons held, which trees therefore may hold, and what they have or had,
    which only ever grows."""

    leaves: int = -1
    trees: int = 0
    had: int = 0


class _Steps:
    """The thresholds of one stat, with what holds from each of them on."""

    def __init__(self, pairs: Iterable[tuple[int, int, int]]) -> None:
        """Thresholds, each with the bits of achievements and of comparisons that it is for."""
        self._thresholds: list[int] = []
        self._held: list[tuple[int, int]] = [(0, 0)]
        for least, definitions, leaves in sorted(pairs):
            before = self._held[-1]
            self._thresholds.append(least)
            self._held.append((before[0] | definitions, before[1] | leaves))

    def held(self, value: int) -> tuple[int, int]:
        """The bits of achievements, and of comparisons, that hold at this value."""
        return self._held[bisect_right(self._thresholds, value)]


class Catalog:
    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.definitions = tuple(definitions)
        self.gives_xp = any(definition.reward_xp for definition in self.definitions)
        self.bits = {definition.id: 1 << place for place, definition in enumerate(self.definitions)}
        self.mentions: dict[str, int] = {}
        self._dependents: dict[int, int] = {}
        self._later = 0  # what may follow from another award or from its XP
        self._maybe = 0  # what is one comparison that a member's row does not tell
        self._trees: list[tuple[int, Callable[[int], bool]]] = []
        pairs: dict[str, list[tuple[int, int, int]]] = {}
        leaf_bits: dict[tuple[Measure, int], int] = {}
        for definition in self.definitions:
            bit = self.bits[definition.id]
            for stat in definition.stats:
                self.mentions[stat] = self.mentions.get(stat, 0) | bit
            for required in definition.requires:
                if required is not None:
                    self._dependents[required] = self._dependents.get(required, 0) | bit
            if definition.requires or not definition.stats.isdisjoint(_RISING):
                self._later |= bit
            condition = definition.condition
            if condition.stat is msgspec.UNSET:
                self._trees.append((bit, _masked(condition, leaf_bits)))
                continue
            what = conditions.measure(condition)
            if what.is_at_hand:
                pairs.setdefault(what.stat, []).append((conditions.threshold(condition), bit, 0))
            else:
                self._maybe |= bit
        for (what, least), leaf in leaf_bits.items():
            pairs.setdefault(what.stat, []).append((least, 0, leaf))
        self._steps = {stat: _Steps(found) for stat, found in pairs.items()}
        self._level_steps = self._steps.pop("level", None)
        self._streak_steps = self._steps.pop("streak", None)

    def touched(self, stats: Collection[str]) -> int:
        """The achievements that mention one of these stats."""
        found = 0
        for stat in stats:
            found |= self.mentions.get(stat, 0)
        return found

    def candidates(self, standing: Standing, ladder: Ladder, stats: Collection[str], state: State) -> int:
        """Which achievements this member may have earned by what moved these stats, as far as their row tells."""
        touched = self.touched(stats) & ~state.had
        if not touched:
            return 0
        held = leaves = 0
        for stat, steps in self._steps.items():
            more, others = steps.held(getattr(standing, stat))
            held |= more
            leaves |= others
        if self._level_steps is not None:
            more, others = self._level_steps.held(ladder.level(standing.xp))
            held |= more
            leaves |= others
        if self._streak_steps is not None:
            more, others = self._streak_steps.held(standing.streak_best)
            held |= more
            leaves |= others
        if self._trees and leaves != state.leaves:
            state.leaves = leaves
            state.trees = 0
            for bit, may_hold in self._trees:
                if may_hold(leaves):
                    state.trees |= bit
        return (held | state.trees | self._maybe) & touched

    def following(self, definition: Definition, *, risen: bool) -> int:
        """What this award may bring about: by coming before another, and by its XP."""
        found = self._dependents.get(definition.id, 0)
        if risen:
            found |= self.touched(_RISING)
        return found

    def sought(self, candidates: int, state: State) -> set[Measure]:
        """What has to be looked up to evaluate these, and all that may follow from them."""
        return {
            measure
            for definition in self.of((candidates | self._later) & ~state.had)
            for measure in definition.measures
            if not measure.is_at_hand
        }

    def of(self, mask: int) -> Iterator[Definition]:
        """The achievements of a mask, in their order."""
        while mask:
            bit = mask & -mask
            mask ^= bit
            yield self.definitions[bit.bit_length() - 1]


def _masked(condition: Condition, bits: dict[tuple[Measure, int], int]) -> Callable[[int], bool]:
    """A function of the mask of comparisons that hold; those that a member's row does not tell count as met."""
    if condition.all is not msgspec.UNSET:
        tests = [_masked(child, bits) for child in condition.all]
        return lambda held: all(test(held) for test in tests)
    if condition.any is not msgspec.UNSET:
        tests = [_masked(child, bits) for child in condition.any]
        return lambda held: any(test(held) for test in tests)
    key = conditions.measure(condition), conditions.threshold(condition)
    if not key[0].is_at_hand:
        return lambda _held: True
    bit = bits.setdefault(key, 1 << len(bits))
    return lambda held: held & bit != 0


def values_at_hand(standing: Standing, ladder: Ladder) -> dict[Measure, int]:
    """What a member's own row tells."""
    return {
        Measure("xp"): standing.xp,
        Measure("level"): ladder.level(standing.xp),
        Measure("streak"): standing.streak_best,
        Measure("messages"): standing.messages,
        Measure("voice_seconds"): standing.voice_seconds,
        Measure("reactions"): standing.reactions,
        Measure("commands"): standing.commands,
    }


EMPTY = Catalog(())
