"""Whose requests take a slot each: no more of a family begin than have one free."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from api.auth.slots import Slots
from api.errors import GuildhallError
from api.http import admission
from api.http.admission import BEGUN_A_TURN, Admission
from tests.http.lines import scope


class Family:
    """Requests of one family that take a slot each as they begin."""

    def __init__(self, at_once: int) -> None:
        self.slots = Slots(at_once)
        self.admission = Admission(share_of=lambda _: self.slots.share("family"))
        self.slots.on_free = self.admission.wake
        self.leaves: list[Callable[[], None]] = []
        self.begun: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def fill(self) -> None:
        self.leaves = [await self.slots.enter("family") for _ in range(self.slots.free("family"))]

    def ask(self, name: str, *, takes: bool = True) -> None:
        begin = partial(self._begin, name, takes)
        if self.admission.begins_at_once(scope()):
            begin(None)
        else:
            assert self.admission.wait(scope(), begin)

    def _begin(self, name: str, takes: bool, refusal: GuildhallError | None) -> None:
        self.begun.append(name if refusal is None else f"-{name}")
        if takes and refusal is None:
            self._tasks.append(asyncio.create_task(self._take()))

    async def _take(self) -> None:
        self.leaves.append(await self.slots.enter("family"))


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_has_no_slot_has_not_begun() -> None:
    family = Family(3)
    await family.fill()
    for number in range(5):
        family.ask(str(number))
    await turns()
    assert family.begun == []
    family.leaves.pop(0)()
    await turns()
    assert family.begun == ["0"]
    for leave in [family.leaves.pop() for _ in range(3)]:
        leave()
    await turns()
    assert family.begun == ["0", "1", "2", "3"]
    family.leaves.pop()()
    await turns()
    assert family.begun == ["0", "1", "2", "3", "4"]
    assert (family.admission._full, family.admission._waiting) == ({}, 0)


async def test_no_more_begin_than_there_are_slots() -> None:
    family = Family(3)
    await family.fill()
    family.leaves.pop()()
    for number in range(5):
        family.ask(str(number))
    await turns()
    assert family.begun == ["0"]
    assert not family.slots._waiting


async def test_who_comes_between_two_turns_takes_nobody_s_slot() -> None:
    """Who began in a turn takes the slot after it; who is read meanwhile does not begin for the same slot."""
    family = Family(1)
    await family.fill()
    family.ask("waits")
    family.leaves.pop()()
    while not family.begun:  # noqa: ASYNC110 - turn by turn
        await asyncio.sleep(0)
    family.ask("comes")
    await turns()
    assert family.begun == ["waits"]
    assert not family.slots._waiting


async def test_who_begins_and_takes_no_slot_leaves_it_to_the_next() -> None:
    family = Family(3)
    await family.fill()
    for number in range(6):
        family.ask(str(number), takes=number > 3)
    family.leaves.pop()()
    await turns()
    assert family.begun == ["0", "1", "2", "3", "4"]


async def test_who_waits_for_a_slot_holds_up_nobody() -> None:
    family = Family(1)
    await family.fill()
    family.ask("waits")
    family.admission._share_of = lambda _: None
    for number in range(BEGUN_A_TURN):
        assert family.admission.begins_at_once(scope()), number


async def test_who_waited_too_long_for_a_slot_is_refused(
    held: list[partial[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    family = Family(1)
    await family.fill()
    family.ask("late")
    monkeypatch.setattr(admission, "WAIT_SECONDS", -1.0)
    held.pop()()
    assert family.begun == ["-late"]
    family.leaves.pop()()
    family.ask("next")
    assert family.begun == ["-late", "next"]


async def test_no_more_than_so_many_wait_for_a_slot(held: list[partial[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITING", 2)
    family = Family(1)
    await family.fill()
    for number in range(4):
        family.ask(str(number))
    _sweep, third, fourth = held
    third()
    await turns()
    assert family.begun == ["-2"]
    family.leaves.pop()()
    await turns()
    assert family.begun == ["-2", "0"]
    fourth()  # there is room again, and it has been held long enough
    await turns()
    assert family.begun == ["-2", "0", "3"]
