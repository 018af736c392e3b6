"""The model's own curves, against totals that the systems' bots publish: who judges must be right."""

import pytest

from tests.properties.curves import level_of, rises, thresholds

PUBLISHED = {
    "mee6": {1: 100, 2: 255, 3: 475, 10: 4_675, 50: 268_375, 100: 1_899_250},
    "polaris": {1: 200, 2: 400, 10: 7_000, 50: 255_000},
    "arcane": {1: 75, 2: 250, 10: 5_250, 100: 502_500},
    "lurkr": {1: 100, 2: 150, 10: 4_150},
    "amari": {1: 35, 2: 55, 10: 1_655},
    "nadeko": {1: 36, 2: 81, 3: 135, 10: 765},
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_presets(preset: str) -> None:
    totals = thresholds({"kind": "preset", "preset": preset}, None)
    assert {level: totals[level - 1] for level in PUBLISHED[preset]} == PUBLISHED[preset]
    assert rises(totals)
    assert [level_of(xp, totals) for xp in (0, totals[0] - 1, totals[0], totals[9], totals[999] + 1)] == [
        0, 0, 1, 10, 1000,
    ]  # fmt: skip
