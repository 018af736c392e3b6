"""What waits, is held and is refused on connections of the running application."""

import asyncio
from collections.abc import Callable
from functools import partial

import httpx2
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from api.auth import slots
from api.auth.slots import Slots
from api.http import admission
from api.http.admission import LEAST_HELD
from api.http.protocol import connections_of
from tests.http.wire import Wire
from tests.support.clients import Clients
from tests.support.people import HARBOUR
from tests.support.wiring import services_of


async def true(is_so: Callable[[], bool]) -> None:
    """Returns when it is."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 # nothing signals it
            await asyncio.sleep(0.01)


async def test_a_refusal_that_was_held_is_the_same(
    wire: Wire,
    clients: Clients,
    litestar_app: Litestar,
    bot: httpx2.AsyncClient,
    held: list[partial[None]],
    times: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = (await bot.post("/v1/keys", json={"name": "spent", "scopes": ["settings:read"], "rate_limit": 1})).json()
    path = f"/v1/guilds/{HARBOUR}/settings/leveling"
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['secret']}\r\n\r\n".encode()
    async with wire.open() as connection, clients.bearer(made["secret"]) as client:
        connection.send(request)
        assert (await connection.answer()).status == 200
        at_once = await client.get(path)
        assert at_once.status_code == 429
        credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
        monkeypatch.setattr(
            services_of(litestar_app).limiter, "remembered", lambda _: credential
        )  # a change forgets it
        connection.send(request)
        await true(lambda: LEAST_HELD in times)  # a sweep of another test may come before
        held[times.index(LEAST_HELD)]()
        late = await connection.answer()
        assert (late.status, late.problem["type"]) == (429, at_once.json()["type"])
        apart = {
            "x-request-id",
            "ratelimit",
            "retry-after",
            "x-ratelimit-reset",
            "x-ratelimit-reset-after",
            "date",
            "server",
            "content-length",
        }
        assert {k: v for k, v in late.headers.items() if k not in apart} == {
            k: v for k, v in at_once.headers.items() if k not in apart
        }
        assert late.headers.keys() - {"date", "server"} == at_once.headers.keys()
        assert late.problem.keys() == at_once.json().keys()


async def test_a_crowded_key_is_refused_on_a_connection_that_stays(
    wire: Wire, app: ASGIApp, litestar_app: Litestar, bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await bot.post("/v1/keys", json={"name": "crowd", "scopes": ["guilds:read"]})).json()
    credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
    monkeypatch.setattr(services_of(litestar_app).limiter, "remembered", lambda _: credential)  # a change forgets it
    found: Slots = services_of(litestar_app).slots
    head = f"/v1/guilds/{HARBOUR}/roles HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['secret']}\r\n"
    get = f"GET {head}X-Request-ID: mine\r\n\r\n".encode()
    async with wire.open() as waiting, wire.open() as connection:
        connection.send(get)
        assert (await connection.answer()).status == 200
        leaves = [await found.enter(f"key:{made['id']}") for _ in range(slots.SLOTS)]
        monkeypatch.setattr(admission, "WAITING", 1)
        waiting.send(get)
        await true(lambda: bool(connections_of(app).admission._full))
        connection.send(get)
        refused = await connection.answer()
        assert (refused.status, refused.problem["type"]) == (429, "urn:guildhall:problem:too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-request-id"] == "mine"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert "connection" not in refused.headers
        connection.send(f"POST {head}Content-Length: 3\r\n\r\n".encode())
        assert (await connection.answer()).status == 429
        connection.send(b"{} ", f"HEAD {head}\r\n".encode())
        assert (await connection.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 429 ")
        for leave in leaves:
            leave()
        assert (await waiting.answer()).status == 200
        connection.send(get)
        assert (await connection.answer()).status == 200


@pytest.mark.parametrize("is_known", [True, False])
async def test_nothing_is_done_for_who_went_while_they_waited(
    wire: Wire,
    app: ASGIApp,
    litestar_app: Litestar,
    bot: httpx2.AsyncClient,
    is_known: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the line, where the key is in memory; else for the slot."""
    made = (await bot.post("/v1/keys", json={"name": "gone", "scopes": ["guilds:write"]})).json()
    credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
    remembered = credential if is_known else None
    monkeypatch.setattr(services_of(litestar_app).limiter, "remembered", lambda _: remembered)
    found: Slots = services_of(litestar_app).slots
    leaves = [await found.enter(f"key:{made['id']}") for _ in range(slots.SLOTS)]
    body = b'{"name": "Gone"}'
    head = f"Host: a\r\nAuthorization: Bearer {made['secret']}\r\nContent-Type: application/json\r\n"
    request = f"PUT /v1/guilds/{HARBOUR} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    before = (await bot.get(f"/v1/guilds/{HARBOUR}")).json()
    async with wire.open() as connection:
        connection.send(request)
        await true(lambda: bool(connections_of(app).admission._full if is_known else found._waiting))
        connection.writer.transport.abort()
    await true(lambda: not connections_of(app)._open)
    for leave in leaves:
        leave()
    await true(lambda: not found._running and not found._waiting)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json() == before
    assert not connections_of(app).admission._full
    assert is_known or 'status="499"' in (await bot.get("/metrics")).text
