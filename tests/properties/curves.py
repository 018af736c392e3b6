"""Levels, by plain loops over the formulas that the contract publishes."""

import json
from fractions import Fraction
from functools import cache
from typing import Any

Json = dict[str, Any]  # Any: what JSON holds

TOP = 1000

# Totals to reach level L, constant first; MEE6 and Arcane publish the cost of a level instead.
TOTALS: dict[str, tuple[list[float], int]] = {
    "polaris": ([0, 100, 50, 1], 100),
    "lurkr": ([150, -100, 50], 1),
    "amari": ([55, -40, 20], 1),
    "nadeko": ([0, 31.5, 4.5], 1),
}
COSTS: dict[str, list[float]] = {"mee6": [100, 50, 5], "arcane": [75, 100]}


def half_up(number: Fraction, step: int = 1) -> int:
    """Rounded to a multiple of the step, halves upward."""
    return (number / step + Fraction(1, 2)).__floor__() * step


@cache
def decimal(number: float) -> Fraction:
    """The number that its decimal text says."""
    return Fraction(repr(number))


def polynomial(coefficients: list[float], at: int) -> Fraction:
    """The value there; the constant comes first."""
    total = Fraction(0)
    for power, coefficient in enumerate(coefficients):
        total += decimal(coefficient) * at**power
    return total


def thresholds(curve: Json, max_level: int | None) -> list[int]:
    """The totals at which level 1, 2, … begin."""
    return _thresholds(json.dumps(curve), max_level)


@cache  # adding up a thousand fractions takes long, and many guilds have the same curve
def _thresholds(text: str, max_level: int | None) -> list[int]:
    curve: Json = json.loads(text)
    kind, top = curve["kind"], max_level or TOP
    if kind == "table":
        return list(curve["thresholds"])[:top]
    if kind == "preset" and curve["preset"] in TOTALS:
        coefficients, step = TOTALS[curve["preset"]]
        return [half_up(polynomial(coefficients, level), step) for level in range(1, top + 1)]
    if kind == "total":
        step = curve.get("round_to", 1)
        return [half_up(polynomial(curve["coefficients"], level), step) for level in range(1, top + 1)]
    costs: list[float] = COSTS[curve["preset"]] if kind == "preset" else curve["coefficients"]
    totals, total = [], Fraction(0)
    for level in range(top):
        total += polynomial(costs, level)
        totals.append(half_up(total))
    return totals


def rises(totals: list[int]) -> bool:
    """Whether every level begins later than the one before it, the first after level 0."""
    return all(before < after for before, after in zip([0, *totals], totals, strict=False))


def level_of(xp: int, totals: list[int]) -> int:
    """The level that so much XP is."""
    return sum(1 for total in totals if total <= xp)
