"""How many requests of one key run at once, and who comes next."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest
from litestar import Litestar

from api.auth import slots
from api.auth.slots import SLOTS, Slots
from api.errors import TooManyRequests
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

KEY, OTHER = "key:7", "key:8"


async def filled(found: Slots) -> list[Callable[[], None]]:
    return [await found.enter(KEY) for _ in range(SLOTS)]


async def several_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def assert_empty(found: Slots) -> None:
    assert (found._running, found._waiting) == ({}, {})


async def test_waiting_in_order() -> None:
    found, order = Slots(), list[int]()
    leaves = await filled(found)

    async def visit(number: int) -> None:
        leave = await found.enter(KEY)
        order.append(number)
        await asyncio.sleep(0)
        leave()

    visits = [asyncio.create_task(visit(number)) for number in range(100)]
    await several_turns()
    assert not order
    other = await found.enter(OTHER)
    other()
    leaves.pop()()
    await asyncio.gather(*visits)
    assert order == list(range(100))
    for leave in leaves:
        leave()
    assert_empty(found)


async def test_who_has_gone_passes_the_slot_on() -> None:
    found = Slots()
    leaves = await filled(found)
    gone = [asyncio.create_task(found.enter(KEY, lambda: True)) for _ in range(3)]
    there = asyncio.create_task(found.enter(KEY))
    await several_turns()
    leaves.pop()()
    await several_turns()
    assert [each.cancelled() for each in gone] == [True] * 3
    for leave in [*leaves, await there]:
        leave()
    assert_empty(found)


async def test_who_gives_up_passes_the_slot_on() -> None:
    found = Slots()
    leaves = await filled(found)
    waiters = [asyncio.create_task(found.enter(KEY)) for _ in range(3)]
    await several_turns()
    waiters[0].cancel()
    await several_turns()
    leaves.pop()()  # the slot goes to the second …
    waiters[1].cancel()  # … who leaves at the same moment
    await several_turns()
    assert waiters[1].cancelled()
    assert waiters[2].done()
    (await waiters[2])()
    for leave in leaves:
        leave()
    assert_empty(found)


async def test_waiting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(slots, "WAITING", 3)
    found = Slots()
    leaves = await filled(found)
    for _ in range(3):
        results = await asyncio.gather(*(found.enter(KEY) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(result, TooManyRequests) for result in results)
    monkeypatch.setattr(slots, "WAIT_SECONDS", 10)
    waiter = asyncio.create_task(found.enter(KEY))  # those who gave up take no place
    await several_turns()
    leaves.pop()()
    (await waiter)()
    for leave in leaves:
        leave()
    assert_empty(found)


async def test_many_at_once_leave_nothing_behind(bot: httpx2.AsyncClient, litestar_app: Litestar) -> None:
    paths = [f"/v1/guilds/{HARBOUR}", "/v1/guilds/1", "/v1/guilds?limit=0", "/v1/guilds"]
    responses = await asyncio.gather(*(bot.get(paths[n % 4]) for n in range(200)))
    # On a busy machine some wait too long for a connection: they too must leave their slots.
    assert {response.status_code for response in responses} <= {200, 404, 422, 503}
    assert_empty(services_of(litestar_app).slots)
