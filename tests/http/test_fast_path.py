"""Every hot route answers with the same bytes and headers by the fast path and by Litestar, whatever is asked."""

import json
import re

import httpx2
import pytest
from litestar import Litestar

from api.app import fast_path
from api.auth.scopes import ALL
from api.config import Settings
from api.http.fast_path import FastRoute
from tests.support.both_ways import BothWays
from tests.support.clients import Clients
from tests.support.clock import CLOCK
from tests.support.people import ADA, HARBOUR, NOBODYS, QUARRY
from tests.support.wiring import services_of

JSON = ("Content-Type", "application/json")
EVENT = {"id": "1", "type": "message", "user_id": str(ADA), "occurred_at": CLOCK.now().isoformat()}
BODY = json.dumps({"events": [EVENT]}).encode()

NAMES = {"guild_id": HARBOUR, "user_id": ADA, "module": "leveling"}

# Of any route. What is behind `?` and what is in the body is odd for some of them alone.
QUERIES = ["", "?", "?limit=2", "?limit=0", "?stat=messages&limit=1", "?limit=2&limit=2", "?x=1", "?period=%64ay"]
HEADERS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "MessagePack": [("Accept", "application/vnd.msgpack")],
    "everything": [("Accept", "*/*")],
    "another tag": [("If-None-Match", '"other"')],
    "two tags": [("If-None-Match", '"other"'), ("If-None-Match", '"more"')],
    "no tag": [("If-None-Match", "other")],
    "any tag": [("If-None-Match", "*")],
    "another host": [("Host", "bots.example:8080")],
    "an odd host": [("Host", "a_b")],
    "two keys": [("Authorization", "Bearer gh_other")],
    "a reason": [("X-Audit-Log-Reason", "because")],
    "an odd reason": [("X-Audit-Log-Reason", "%FF")],
    "a cookie": [("Cookie", "guildhall_session=other")],
    "no language": [("Accept-Language", "")],
}
BODIES: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "plain": (BODY, [JSON]),
    "with a charset": (BODY, [("Content-Type", "application/json; charset=utf-8")]),
    "of another charset": (BODY, [("Content-Type", "application/json; charset=latin-1")]),
    "of another type": (BODY, [("Content-Type", "text/plain")]),
    "of no type": (BODY, []),
    "empty": (b"", [JSON]),
    "of no events": (b'{"events": []}', [JSON]),
    "of no JSON": (b"{", [JSON]),
    "of no UTF-8": (b'{"events": [\xff]}', [JSON]),
    "a list": (b"[]", [JSON]),
    "deep": (b'{"events":' + b"[" * 10_000, [JSON]),
    "a guess": (BODY.replace(b'"1"', b"1"), [JSON]),
    "encoded": (BODY, [JSON, ("Content-Encoding", "gzip")]),
    "large": (BODY[:-1] + b" " * 600_000 + b"}", [JSON]),
}


@pytest.fixture
def routes(litestar_app: Litestar) -> dict[str, FastRoute]:
    return {route.template: route for route in fast_path(services_of(litestar_app), None).routes}


TEMPLATES = [
    "/v1/guilds/{guild_id}/settings/{module}",
    "/v1/guilds/{guild_id}/members/{user_id}",
    "/v1/guilds/{guild_id}/leaderboard",
    "/v1/guilds/{guild_id}/activity",
]


def test_the_table(routes: dict[str, FastRoute]) -> None:
    assert list(routes) == TEMPLATES
    for template, route in routes.items():
        assert route.pattern(filled(template)) is not None
        for odd in ("0", "01", "1" * 20, "-1", "1_0", "", "%31", "\u0661"):
            assert route.pattern(filled(template, guild_id=odd)) is None


def filled(template: str, **names: object) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str((NAMES | names)[match[1]]), template)


@pytest.fixture
async def both_ways(bot: httpx2.AsyncClient, litestar_app: Litestar, settings: Settings, clients: Clients) -> BothWays:
    """Of a key that sees Harbour, where Ada has said something that counted."""
    assert (await bot.post(filled(TEMPLATES[-1]), json={"events": [EVENT]})).json()["accepted"] == 1
    return BothWays(litestar_app, settings, await clients.key(guilds=[HARBOUR]))


def content_of(route: FastRoute) -> tuple[bytes | None, list[tuple[str, str]]]:
    return (None, []) if route.method == "GET" else (BODY, [JSON])


@pytest.mark.parametrize("template", TEMPLATES)
async def test_what_is_plain(both_ways: BothWays, routes: dict[str, FastRoute], template: str) -> None:
    body, headers = content_of(routes[template])
    for method in ("GET", "HEAD") if routes[template].method == "GET" else ("POST",):
        answers = await both_ways.send(method, filled(template), headers, body)
        assert (answers.is_fast, answers.fast.status_code) == (True, 200)
        if (tag := answers.fast.headers.get("etag")) is not None:
            known = await both_ways.send(method, filled(template), [("If-None-Match", tag)])
            assert (known.is_fast, known.fast.status_code) == (True, 304)


@pytest.mark.parametrize("template", TEMPLATES)
async def test_headers_and_queries(both_ways: BothWays, routes: dict[str, FastRoute], template: str) -> None:
    body, headers = content_of(routes[template])
    for query in QUERIES:
        await both_ways.send(routes[template].method, filled(template) + query, headers, body)
    for odd in HEADERS.values():
        await both_ways.send(routes[template].method, filled(template), [*headers, *odd], body)


@pytest.mark.parametrize("template", TEMPLATES)
async def test_addresses_and_methods(both_ways: BothWays, routes: dict[str, FastRoute], template: str) -> None:
    body, headers = content_of(routes[template])
    for name in re.findall(r"\{(\w+)\}", template):
        for value in (QUARRY, NOBODYS, "0", "01", "9" * 19, "9" * 30, "Leveling", "nope", "%31", "1%00"):
            path = filled(template, **{name: value})
            assert not (await both_ways.send(routes[template].method, path, headers, body)).is_fast
    for path in (f"{filled(template)}/", f"{filled(template)}//", f"/{filled(template)}"):
        assert not (await both_ways.send(routes[template].method, path, headers, body)).is_fast
    for method in ("PUT", "DELETE", "OPTIONS"):
        if method != "PUT" or "settings" not in template:
            assert not (await both_ways.send(method, filled(template), headers, body)).is_fast


async def test_bodies(both_ways: BothWays) -> None:
    for name, (body, headers) in BODIES.items():
        answers = await both_ways.send("POST", filled(TEMPLATES[-1]), headers, body)
        assert answers.is_fast == (name in {"plain", "with a charset"}), name


@pytest.mark.parametrize("template", TEMPLATES)
async def test_keys(
    litestar_app: Litestar, settings: Settings, clients: Clients, routes: dict[str, FastRoute], template: str
) -> None:
    route = routes[template]
    body, headers = content_of(route)
    for secret, status in (
        (await clients.key(scopes=ALL - {route.scope}), 403),
        (await clients.key(guilds=[QUARRY]), 404),
        ("gh_none", 401),
        (None, 401),
    ):
        both_ways = BothWays(litestar_app, settings, secret)
        for _ in range(2):
            answers = await both_ways.send(route.method, filled(template), headers, body)
            assert (answers.is_fast, answers.fast.status_code) == (False, status)
