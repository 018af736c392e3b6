"""The achievement index: the achievements that can be earned in a guild, compiled for evaluation. Pure.

Each achievement is a bit of a mask. A member's numbers are looked up in sorted thresholds, so the cost of an event
hardly depends on the number of achievements. Only trees are evaluated one by one, and only after one of their
comparisons has changed. A comparison whose number is not in the member's row counts as met, and is looked up later.
These are stats of the bot's own, and windows of days (unless too little can have happened since the last look-up).

An achievement that did not hold is not evaluated again until one of its comparisons changes. This is safe because every
change of a stat, in any process, evaluates every achievement that mentions it. Imports of standings move stats without
awards, so they invalidate the states of all processes: see `imports.jobs`."""

from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from api.achievements import conditions
from api.achievements.conditions import Metric, Values
from api.achievements.dtos import Condition
from api.achievements.threshold_index import ENDLESS, MOST_REMEMBERED, Snapshot, ThresholdIndex
from api.members.levels import LevelCurve
from api.members.standings import Standing

# Stats that a reward's XP raises in turn.
_RISING = frozenset({"xp", "level"})

# A member's numbers, and the position of each stat among them. The level follows from the XP.
_numbers = attrgetter("xp", "messages", "voice_seconds", "reactions", "commands", "streak_best")
_PLACES = {"xp": 0, "messages": 1, "voice_seconds": 2, "reactions": 3, "commands": 4, "streak": 5}

XP, LEVEL, _STREAK = Metric("xp"), Metric("level"), Metric("streak")
_MESSAGES, _VOICE_SECONDS = Metric("messages"), Metric("voice_seconds")
_REACTIONS, _COMMANDS = Metric("reactions"), Metric("commands")


class Definition(msgspec.Struct, frozen=True):
    """An achievement. `requires`: the ids of its prerequisites; None for one that does not exist."""

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
    metrics: frozenset[Metric]

    @property
    def stats(self) -> set[str]:
        """The stats that its condition mentions."""
        return {metric.stat for metric in self.metrics}


class State(msgspec.Struct):
    """What a process knows of a member. `comparisons`: those that held, as a mask. `held`: achievements that may hold.
    `lows`, `highs`: the range of numbers for which this stays so, in the order of `_numbers`; empty: not known.
    `checked`: achievements that were evaluated since then and did not hold. `had`: achievements that the member has or
    had; it only grows. `windows`: the value of each window of days at its last look-up, with the stat's total then. A
    window cannot have grown by more than the total."""

    comparisons: int = -1
    held: int = 0
    lows: tuple[int, ...] = ()
    highs: tuple[int, ...] = ()
    checked: int = 0
    had: int = 0
    windows: dict[Metric, tuple[int, int]] = {}

    def note(self, metric: Metric, value: int, total: int) -> None:
        """Stores a window's value."""
        self.windows[metric] = value, total
        self.highs = ()


class AchievementIndex:
    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.definitions = tuple(definitions)
        self.has_prerequisites = any(definition.requires for definition in self.definitions)
        self.bits = {definition.id: 1 << place for place, definition in enumerate(self.definitions)}
        self.mentions: dict[str, int] = {}
        self._dependents: dict[int, int] = {}
        self._later = 0  # achievements that another award, or its XP, may unlock
        self._maybe = 0  # achievements of one comparison, whose number is not in the member's row
        self._looked_up: dict[str, int] = {}  # achievements that mention a stat whose number must be looked up
        self._mentioning_of: dict[frozenset[str], tuple[int, int]] = {}
        self._sought: dict[int, frozenset[Metric]] = {}
        for definition in self.definitions:
            bit = self.bits[definition.id]
            for metric in definition.metrics:
                self.mentions[metric.stat] = self.mentions.get(metric.stat, 0) | bit
                if not metric.is_in_row:
                    self._looked_up[metric.stat] = self._looked_up.get(metric.stat, 0) | bit
            for required in definition.requires:
                if required is not None:
                    self._dependents[required] = self._dependents.get(required, 0) | bit
            if definition.requires or not definition.stats.isdisjoint(_RISING):
                self._later |= bit
            condition = definition.condition
            if condition.stat is not msgspec.UNSET and not conditions.metric(condition).is_bounded:
                self._maybe |= bit
        self._conditions = ThresholdIndex((self.bits[each.id], each.condition) for each in self.definitions)
        tables = {metric: found for metric, found in self._conditions.tables.items() if metric.is_bounded}
        self._level_thresholds = tables.pop(LEVEL, None)
        self._thresholds_in_row = [(_PLACES[metric.stat], found) for metric, found in tables.items() if not metric.days]
        self._window_thresholds = [(metric, found) for metric, found in tables.items() if metric.days]

    def touched(self, stats: frozenset[str]) -> int:
        """The achievements that mention one of these stats."""
        return self._mentioning(stats)[0]

    def _mentioning(self, stats: frozenset[str]) -> tuple[int, int]:
        """The achievements that mention one of these stats, and those of them whose number must be looked up."""
        found = self._mentioning_of.get(stats)
        if found is None:
            mentioned = looked_up = 0
            for stat in stats:
                mentioned |= self.mentions.get(stat, 0)
                looked_up |= self._looked_up.get(stat, 0)
            if len(self._mentioning_of) >= MOST_REMEMBERED:
                self._mentioning_of.clear()
            found = self._mentioning_of[stats] = mentioned, looked_up
        return found

    def candidates(self, standing: Standing, level_curve: LevelCurve, stats: frozenset[str], state: State) -> int:
        """The achievements that this member may have earned by moving these stats, as far as the row can say."""
        touched, anew = self._mentioning(stats)
        touched &= ~state.had
        if not touched:
            return 0
        xp, messages, voice, reactions, commands, streak = values = _numbers(standing)
        low, high = state.lows, state.highs
        if not (
            high
            and low[0] <= xp < high[0]
            and low[1] <= messages < high[1]
            and low[2] <= voice < high[2]
            and low[3] <= reactions < high[3]
            and low[4] <= commands < high[4]
            and low[5] <= streak < high[5]
        ):
            self._evaluate(Snapshot(values), level_curve, state)
        return state.held & touched & (anew | ~state.checked)

    def _evaluate(self, now: Snapshot, level_curve: LevelCurve, state: State) -> None:
        """Computes what may hold at these numbers."""
        for place, table in self._thresholds_in_row:
            now.add(table, place)
        for metric, table in self._window_thresholds:
            known = state.windows.get(metric)
            if known is not None:
                now.add(table, _PLACES[metric.stat], less=known[1] - known[0])
            else:  # without a look-up, any value is possible
                held, comparisons = table.at(ENDLESS)
                now.held |= held
                now.comparisons |= comparisons
        if self._level_thresholds is not None:
            held, comparisons, low, high = self._level_thresholds.around(level_curve.level(now.values[0]))
            now.held |= held
            now.comparisons |= comparisons
            now.narrow(
                0, level_curve.begins(max(low, 0)), level_curve.begins(high) if high <= level_curve.top else ENDLESS
            )
        if now.comparisons != state.comparisons:
            state.comparisons, state.checked = now.comparisons, 0
        state.held = (
            now.held | self._conditions.trees_holding(now.comparisons | self._conditions.unbounded) | self._maybe
        )
        state.lows, state.highs = tuple(now.lows), tuple(now.highs)
        state.checked &= state.held

    def holding(self, values: Values) -> int:
        """The achievements whose conditions hold. Missing values count as 0."""
        return self._conditions.holding(values)

    def following(self, definition: Definition, *, risen: bool) -> int:
        """The achievements that this award may unlock: as a prerequisite, and by its XP."""
        found = self._dependents.get(definition.id, 0)
        if risen:
            found |= self.touched(_RISING)
        return found

    def sought(self, candidates: int, state: State) -> frozenset[Metric]:
        """The metrics to look up for these candidates, and for all achievements that may follow from them."""
        mask = (candidates | self._later) & ~state.had
        found = self._sought.get(mask)
        if found is None:
            metrics = (metric for definition in self.of(mask) for metric in definition.metrics)
            found = frozenset(metric for metric in metrics if not metric.is_in_row)
            if len(self._sought) >= MOST_REMEMBERED:
                self._sought.clear()
            self._sought[mask] = found
        return found

    def of(self, mask: int) -> Iterator[Definition]:
        """The achievements of a mask, in their order."""
        while mask:
            bit = mask & -mask
            mask ^= bit
            yield self.definitions[bit.bit_length() - 1]


def values_from_row(standing: Standing, level_curve: LevelCurve) -> dict[Metric, int]:
    """The metrics that a member's row holds."""
    return {
        XP: standing.xp,
        LEVEL: level_curve.level(standing.xp),
        _STREAK: standing.streak_best,
        _MESSAGES: standing.messages,
        _VOICE_SECONDS: standing.voice_seconds,
        _REACTIONS: standing.reactions,
        _COMMANDS: standing.commands,
    }


EMPTY = AchievementIndex(())
