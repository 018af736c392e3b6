"""Curves against the totals that their bots publish."""

from bisect import bisect_right as level_of

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.settings.curves import (
    PRESETS,
    CostCurve,
    Curve,
    PresetCurve,
    TableCurve,
    TotalCurve,
    UnusableCurve,
    curve_faults,
    thresholds,
)


@pytest.mark.parametrize(
    ("preset", "level", "total"),
    [
        *[("mee6", level, total) for level, total in [(1, 100), (2, 255), (10, 4675), (50, 268375)]],
        ("mee6", 100, 1_899_250),
        *[("polaris", level, total) for level, total in [(1, 200), (2, 400), (3, 800), (50, 255_000)]],
        *[("arcane", level, total) for level, total in [(1, 75), (2, 250), (100, 502_500)]],
        *[("lurkr", level, total) for level, total in [(1, 100), (2, 150), (3, 300)]],
        *[("amari", level, total) for level, total in [(1, 35), (2, 55), (3, 115)]],
        *[("nadeko", level, total) for level, total in [(1, 36), (2, 81), (100, 48_150)]],
    ],
)
def test_presets_have_the_published_totals(preset: str, level: int, total: int) -> None:
    assert thresholds(PRESETS[preset], None)[level - 1] == total


@pytest.mark.parametrize("level", range(1, 1001, 37))
def test_mee6_follows_its_closed_form(level: int) -> None:
    total = 5 * level * (2 * level**2 + 27 * level + 91)
    assert thresholds(PresetCurve("mee6"), None)[level - 1] * 6 == total


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_rises_to_level_1000(preset: str) -> None:
    assert curve_faults(PRESETS[preset], None) == []
    assert len(thresholds(PRESETS[preset], None)) == 1000


@pytest.mark.parametrize(
    ("curve", "top", "expected"),
    [
        (CostCurve([100, 50, 5]), 3, [100, 255, 475]),
        (CostCurve([0.5, 1]), 4, [1, 2, 5, 8]),  # 0.5, 2, 4.5, 8
        (TotalCurve([0, 2.5]), 4, [3, 5, 8, 10]),  # halves go up
        (TotalCurve([0, 0.1]), 1, None),  # 0.1 rounds to 0
        (TotalCurve([0, 0.7, 0.1]), 3, [1, 2, 3]),  # 0.8, 1.8, 3.0
        (TotalCurve([0, 150], round_to=100), 3, [200, 300, 500]),
        (TotalCurve([0.5]), 1, [1]),
        (TableCurve([10, 20, 40]), None, [10, 20, 40]),
        (TableCurve([10, 20, 40]), 2, [10, 20]),
    ],
)
def test_totals_are_exact_and_rounded_half_up(curve: Curve, top: int | None, expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(UnusableCurve):
            thresholds(curve, top)
    else:
        assert thresholds(curve, top) == expected


@pytest.mark.parametrize(
    ("curve", "top", "pointers"),
    [
        (CostCurve([0]), None, ["/curve/coefficients"]),
        (CostCurve([100, -1]), None, ["/curve/coefficients"]),
        (CostCurve([100, -1]), 50, []),
        (TotalCurve([5]), None, ["/curve/coefficients"]),
        (TotalCurve([5]), 1, []),
        (TotalCurve([0, 1e15]), None, ["/curve/coefficients"]),
        (TableCurve([5, 5, 4, 9]), None, ["/curve/thresholds/1", "/curve/thresholds/2"]),
        (TableCurve([5, 5]), 1, []),
        (PresetCurve("lurkr"), None, []),
    ],
)
def test_a_curve_that_does_not_rise_is_a_fault(curve: Curve, top: int | None, pointers: list[str]) -> None:
    assert [fault.pointer for fault in curve_faults(curve, top)] == pointers


def test_fractions_are_those_that_were_written() -> None:
    assert thresholds(TotalCurve([0, 1.15]), 10)[-1] == 12  # 11.5, where binary fractions have less


def test_the_unusable_curve_says_which_level() -> None:
    with pytest.raises(UnusableCurve, match="level 2 is not above level 1"):
        thresholds(TableCurve([5, 5]), None)
    with pytest.raises(UnusableCurve, match="above 2\\^53 XP at level 10"):
        thresholds(TotalCurve([0, 1e15]), None)


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40).map(lambda steps: TableCurve(running(steps))))
def test_a_level_begins_exactly_at_its_threshold(curve: TableCurve) -> None:
    totals = thresholds(curve, None)
    assert level_of(totals, 0) == 0
    for level, total in enumerate(totals, start=1):
        assert (level_of(totals, total - 1), level_of(totals, total)) == (level - 1, level)
    assert level_of(totals, totals[-1] * 10) == len(totals)


def running(steps: list[int]) -> list[int]:
    return [sum(steps[: end + 1]) for end in range(len(steps))]
