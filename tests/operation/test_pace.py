"""The size of a job's next batch, from the time that the last one took."""

import pytest

from api.jobs.pace import FIRST, HELD_SECONDS, LEAST, MOST, Pace


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(HELD_SECONDS, FIRST, id="as long as it may"),
        pytest.param(HELD_SECONDS * 2, FIRST // 2, id="twice as long"),
        pytest.param(HELD_SECONDS * 40, FIRST // 2, id="not less than half at once"),
        pytest.param(HELD_SECONDS / 1.25, FIRST * 5 // 4, id="shorter"),
        pytest.param(0.0, FIRST * 2, id="not more than twice at once"),
    ],
)
def test_next_batch(seconds: float, expected: int) -> None:
    pace = Pace()
    pace.note(FIRST, seconds)
    assert pace.size == expected


def test_a_small_batch_changes_the_size_only_if_it_took_too_long() -> None:
    pace = Pace()
    pace.note(FIRST - 1, 0.0)
    pace.note(0, HELD_SECONDS / 10)
    pace.note(1, HELD_SECONDS)
    assert pace.size == FIRST
    pace.note(FIRST - 1, HELD_SECONDS * 2)
    assert pace.size < FIRST


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, MOST), (60.0, LEAST)])
def test_bounds(seconds: float, bound: int) -> None:
    pace = Pace()
    for _ in range(20):
        pace.note(pace.size, seconds)
    assert pace.size == bound
