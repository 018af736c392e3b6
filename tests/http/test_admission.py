"""When requests begin: everybody in their turn, refusals later, probes at once."""

import asyncio
from functools import partial

import pytest

from api.http import admission
from api.http.admission import BEGUN_A_TURN, LEAST_HELD, MOST_HELD, REFUSED_A_TURN, Admission
from tests.http.lines import line, scope


async def test_so_many_begin_in_a_turn() -> None:
    _, begun = line(["noisy"] * (3 * BEGUN_A_TURN), set())
    assert len(begun) == BEGUN_A_TURN
    await asyncio.sleep(0)
    assert len(begun) == 2 * BEGUN_A_TURN
    await asyncio.sleep(0)
    assert len(begun) == 3 * BEGUN_A_TURN


async def test_who_asks_for_little_is_not_behind_who_asks_for_much() -> None:
    _, begun = line([*["noisy"] * (5 * BEGUN_A_TURN), "quiet", "quiet", "other"], set())
    await asyncio.sleep(0)
    assert sorted(begun[BEGUN_A_TURN:])[-3:] == ["other", "quiet", "quiet"]
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(begun) == 5 * BEGUN_A_TURN + 3


async def test_probes_begin_at_once_whatever_waits() -> None:
    made, _ = line(["noisy"] * 1000, set())
    assert made.begins_at_once(scope("/health/ready"))
    assert made.begins_at_once(scope("/health/live"))
    assert not made.begins_at_once(scope())


async def test_who_would_be_refused_is_held_and_holds_up_nobody(held: list[partial[None]], times: list[float]) -> None:
    _, begun = line([*["spent"] * 1200, "quiet"], {"spent"})
    assert begun == ["quiet"]
    assert (times[0], times[-1], len(times)) == (LEAST_HELD, MOST_HELD, 1200)
    assert times == sorted(times)
    for release in held:
        release()
    for turn in range(1, 5):
        await asyncio.sleep(0)
        assert begun[1:] == ["spent"] * REFUSED_A_TURN * turn


async def test_no_more_than_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REQUESTS", 2)
    made, begun = line(["spent"] * 2, {"spent"})
    assert not begun
    assert made.begins_at_once(scope("/health/ready"))
    full = Admission(lambda _: True)
    assert [full.wait(scope(), lambda _: None) for _ in range(3)] == [True, True, False]


async def test_whose_budget_was_spent_while_they_waited_is_held_then(held: list[partial[None]]) -> None:
    spent: set[str] = set()
    _, begun = line(["crowd"] * (BEGUN_A_TURN + 2), set(), spent)
    spent.add("crowd")
    await asyncio.sleep(0)
    assert (len(begun), len(held)) == (BEGUN_A_TURN, 2)
    for release in held:
        release()
    await asyncio.sleep(0)
    assert begun[BEGUN_A_TURN:] == ["-crowd"] * 2


async def test_what_waited_too_long_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_WAITED", -1.0)
    _, begun = line(["noisy"] * (BEGUN_A_TURN + 2), set())
    await asyncio.sleep(0)
    assert begun == ["noisy"] * BEGUN_A_TURN + ["-noisy"] * 2
