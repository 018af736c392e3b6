"""No body costs seconds: the worst that each route can be sent is answered without holding up others."""

import httpx
import msgspec
import pytest

from api.imports.rules import MEDIA_TYPES
from tests.edge.routes import ROUTES, Route
from tests.support.standing import Standing, frozen_heap, standing
from tests.support.worst_bodies import ROWS, Bodies, of_any, of_struct, wide

# What a request may hold the loop for, and cost in all. Figures are some 20 and 200 ms; other work on the machine
# makes the same instructions cost up to three times as much.
LONGEST_STAND = 0.1
MOST_SPENT = 0.8
TRIES = 3

pytestmark = pytest.mark.usefixtures("chatterbox")

CHANGING = [route for route in ROUTES if route.method in {"POST", "PUT", "PATCH"}]


def test_each_route_has_a_row() -> None:
    assert {str(route) for route in CHANGING} == set(ROWS)


def bodies_of(route: Route) -> Bodies:
    for row in ROWS[str(route)]:
        yield from row()
    if route.has_body:
        yield from of_any(route.largest_body)
        if route.kind is not None and issubclass(route.kind, msgspec.Struct):
            yield from of_struct(route.kind, route.largest_body)
    elif str(route).endswith("/restore"):
        yield "what nobody reads", b"[" * (1024 * 1024)


def addresses(route: Route) -> list[str]:
    """Of settings: of a module of ours, and of one that a bot brought."""
    if "{module" in route.path and route.method != "POST" and "guild_id" in route.path:
        return [route.url(), route.url(module="wide")]
    if route.path.endswith("/imports"):
        return [f"{route.url()}?source={source}" for source in MEDIA_TYPES]
    return [route.url(module="worst")]


@pytest.mark.parametrize("route", CHANGING, ids=str)
async def test_no_body_holds_up_others(bot: httpx.AsyncClient, route: Route) -> None:
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


async def least_of_some(bot: httpx.AsyncClient, method: str, address: str, body: bytes) -> Standing:
    """How long it stood, tried again where it is long: something else may have been in the way."""
    tries = []
    headers = {"Content-Type": media_type(address)}
    for _ in range(TRIES):
        async with standing() as found:
            answer = await bot.request(method, address, content=body, headers=headers)
        assert answer.status_code < 500, answer.text[:300]
        tries.append(found)
        if found.longest <= LONGEST_STAND and found.spent <= MOST_SPENT:
            break
    return min(tries, key=lambda each: each.longest)


def media_type(address: str) -> str:
    source = next((source for source in MEDIA_TYPES if address.endswith(f"source={source}")), None)
    return "application/json" if source is None else MEDIA_TYPES[source]
