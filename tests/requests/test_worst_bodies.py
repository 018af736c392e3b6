"""No body costs seconds: the worst that each route can be sent is answered without holding up others."""

import httpx2
import pytest

from tests.requests.routes import ROUTES, Route
from tests.support.standing import Standing, frozen_heap, slowness, standing
from tests.support.worst_bodies import ROWS, addresses, bodies_of, media_type, wide

# What a request may hold the loop for, and cost in all, on a machine at rest. Figures are some 20 and 200 ms.
LONGEST_STAND = 0.2
MOST_SPENT = 0.8
TRIES = 6
LARGEST_ANSWER = 512 * 1024  # bytes: a thousand faults with their pointers

pytestmark = pytest.mark.usefixtures("chatterbox")

CHANGING = [route for route in ROUTES if route.method in {"POST", "PUT", "PATCH"}]


def test_each_route_has_a_row() -> None:
    assert {str(route) for route in CHANGING} == set(ROWS)


@pytest.mark.parametrize("route", CHANGING, ids=str)
async def test_no_body_holds_up_others(bot: httpx2.AsyncClient, route: Route) -> None:
    if "/settings/" in route.path:
        registered = await bot.put("/v1/modules/wide", json={"schema": wide()})
        assert registered.status_code in {200, 201}, registered.text
    slow = {}
    with frozen_heap():
        for name, body in bodies_of(route):
            for address in addresses(route):
                least = await least_of_some(bot, route.method, address, body)
                if least.longest > LONGEST_STAND or least.spent > MOST_SPENT:
                    slow[f"{name} {address}"] = (least.longest, least.spent)
    assert not slow


async def least_of_some(bot: httpx2.AsyncClient, method: str, address: str, body: bytes) -> Standing:
    """How long it stood and what it cost at least, tried again where that is much: other work may have been in the
    way, of one try in this and of another in that."""
    least = Standing()
    least.longest = least.spent = float("inf")
    headers = {"Content-Type": media_type(address)}
    for _ in range(TRIES):
        async with standing() as found:
            answer = await bot.request(method, address, content=body, headers=headers)
        assert answer.status_code < 500, answer.text[:300]
        assert len(answer.content) <= LARGEST_ANSWER
        if found.longest > LONGEST_STAND or found.spent > MOST_SPENT:
            slower = slowness()
            found.longest, found.spent = found.longest / slower, found.spent / slower
        least.longest, least.spent = min(least.longest, found.longest), min(least.spent, found.spent)
        if least.longest <= LONGEST_STAND and least.spent <= MOST_SPENT:
            break
    return least
