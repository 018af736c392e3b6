"""Level curves: the total XP at which each level begins.

Level 0 begins at 0 XP; `thresholds[n]` begins level n + 1. All arithmetic is exact, with fractions of the decimal
numbers as written. Totals are rounded half up."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from math import lcm
from typing import Annotated, Literal

import msgspec

from api.lib.faults import Fault, pointer

TOP_LEVEL = 1000
MAX_XP = 2**53  # of a member; JavaScript loses digits of larger integers

Coefficient = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Coefficients = Annotated[
    list[Coefficient],
    msgspec.Meta(
        min_length=1,
        max_length=6,
        title="Coefficients",
        description="Coefficients of a polynomial in the level, the constant first.",
    ),
]


class PresetCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="preset", tag_field="kind"):
    """The curve of a well-known bot, by its name."""

    preset: Annotated[
        Literal["mee6", "polaris", "arcane", "lurkr", "amari", "nadeko"],
        msgspec.Meta(title="Preset", description="The bot whose levels are used."),
    ]


class CostCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cost", tag_field="kind"):
    """What it costs to get from level L to level L + 1, as a polynomial in L."""

    coefficients: Coefficients


class TotalCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="total", tag_field="kind"):
    """The XP at which level L begins, as a polynomial in L, rounded half up to a multiple."""

    coefficients: Coefficients
    round_to: Annotated[
        int,
        msgspec.Meta(ge=1, le=1_000_000, title="Round to", description="Totals are rounded to multiples of this."),
    ] = 1


class TableCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="table", tag_field="kind"):
    """The XP at which each level begins, from level 1 on. The last one is the top level."""

    thresholds: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=MAX_XP)]],
        msgspec.Meta(min_length=1, max_length=TOP_LEVEL, title="Thresholds", description="Total XP for each level."),
    ]


Curve = PresetCurve | CostCurve | TotalCurve | TableCurve
_decode = msgspec.json.Decoder(Curve).decode

PRESETS: dict[str, CostCurve | TotalCurve] = {
    # cost 5L² + 50L + 100, from MEE6's own documentation: totals (5/6)·L·(2L² + 27L + 91),
    # 100, 255, …, 4,675 at 10, 268,375 at 50, 1,899,250 at 100
    "mee6": CostCurve([100, 50, 5]),
    # total L³ + 50L² + 100L rounded to 100, Polaris' default preset
    "polaris": TotalCurve([0, 100, 50, 1], round_to=100),
    # cost 100L + 75, Arcane's linear curve: totals 50L² + 25L
    "arcane": CostCurve([75, 100]),
    # total 50L² - 100L + 150, Lurkr's guide: 100 at level 1, 150 at 2
    "lurkr": TotalCurve([150, -100, 50]),
    # total 20L² - 40L + 55, the same guide, on Amari: 35 at level 1, 55 at 2
    "amari": TotalCurve([55, -40, 20]),
    # total (9L² + 63L) / 2, Nadeko's source
    "nadeko": TotalCurve([0, 31.5, 4.5]),
}


class UnusableCurve(Exception):
    """The curve does not rise, or rises too far. `fault` has the reason and its place within the curve."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(f"{fault.pointer} {fault.message}")


def thresholds(curve: Curve, max_level: int | None) -> list[int]:
    """The total XP at which levels 1, 2, … begin, up to `max_level` or level 1000; those of a table up to its end.

    Raises `UnusableCurve` unless they rise strictly from at least 1 to at most 2^53."""
    totals: list[int] = []
    for level, total in enumerate(_totals(curve, max_level or TOP_LEVEL), start=1):
        if total <= (totals[-1] if totals else 0):
            than = f"level {level - 1}" if totals else "0"
            raise UnusableCurve(Fault(_place(curve, level), f"does not rise: level {level} is not above {than}"))
        if total > MAX_XP:
            raise UnusableCurve(Fault(_place(curve, level), f"rises above 2^53 XP at level {level}"))
        totals.append(total)
    return totals


def curve_faults(curve: Curve, max_level: int | None, prefix: str = "/curve") -> list[Fault]:
    """The faults of an unusable curve. For a table: each threshold that does not rise.

    Cached, because every change of any setting checks the curve, which hardly ever changes."""
    return list(_curve_faults(msgspec.json.encode(curve), max_level, prefix))


@lru_cache(512)
def _curve_faults(encoded: bytes, max_level: int | None, prefix: str) -> tuple[Fault, ...]:
    curve = _decode(encoded)
    return tuple(_find_curve_faults(curve, max_level, prefix))


def _find_curve_faults(curve: Curve, max_level: int | None, prefix: str) -> list[Fault]:
    if isinstance(curve, TableCurve):
        used = curve.thresholds[: max_level or TOP_LEVEL]
        return [
            Fault(pointer(("thresholds", index), prefix), "is not above the threshold before it")
            for index, (before, after) in enumerate(pairwise([0, *used]))
            if after <= before
        ]
    try:
        thresholds(curve, max_level)
    except UnusableCurve as unusable:
        return [Fault(prefix + unusable.fault.pointer, unusable.fault.message)]
    return []


def _totals(curve: Curve, top: int) -> Iterator[int]:
    if isinstance(curve, PresetCurve):
        curve = PRESETS[curve.preset]
    if isinstance(curve, TableCurve):
        yield from curve.thresholds[:top]
        return
    exact = [Fraction(str(number)) for number in curve.coefficients]
    scale = lcm(*(number.denominator for number in exact))
    scaled = [int(number * scale) for number in exact]
    if isinstance(curve, CostCurve):
        costs = (_polynomial(scaled, level) for level in range(top))
        yield from (_half_up(total, scale) for total in accumulate(costs))
    else:
        for level in range(1, top + 1):
            yield _half_up(_polynomial(scaled, level), scale * curve.round_to) * curve.round_to


def _polynomial(coefficients: list[int], level: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = value * level + coefficient
    return value


def _half_up(number: int, divisor: int) -> int:
    """The quotient rounded to an integer, halves up."""
    return (2 * number + divisor) // (2 * divisor)


def _place(curve: Curve, level: int) -> str:
    match curve:
        case PresetCurve():
            return "/preset"
        case TableCurve():
            return pointer(("thresholds", level - 1))
        case _:
            return "/coefficients"
