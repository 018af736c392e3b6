"""When requests begin: everybody in their turn, refusals later, probes at once."""

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest
from litestar.types import ASGIApp

from api.http import admission
from api.http.admission import AT_ONCE, LEAST_HELD, MOST_HELD, REFUSALS_AT_ONCE, Admission
from tests.http.wire import Wire
from tests.support.clients import Clients
from tests.support.people import HARBOUR


def scope(path: str = "/v1/guilds") -> Any:  # Any: no more of a scope than is looked at
    return {"path": path}


def line(whose: list[str], refused: set[str]) -> tuple[Admission, list[str]]:
    """Requests of these people, in this order; who has begun."""
    asking = iter(whose)
    begun: list[str] = []
    now = [""]
    made = Admission(lambda _: now[0] in refused, lambda _: now[0])
    for now[0] in asking:
        if made.begins_at_once(scope()):
            begun.append(now[0])
        else:
            assert made.wait(scope(), partial(begun.append, now[0]))
    return made, begun


async def test_so_many_begin_in_a_turn() -> None:
    _, begun = line(["noisy"] * (3 * AT_ONCE), set())
    assert len(begun) == AT_ONCE
    await asyncio.sleep(0)
    assert len(begun) == 2 * AT_ONCE
    await asyncio.sleep(0)
    assert len(begun) == 3 * AT_ONCE


async def test_who_asks_for_little_is_not_behind_who_asks_for_much() -> None:
    _, begun = line([*["noisy"] * (5 * AT_ONCE), "quiet", "quiet", "other"], set())
    await asyncio.sleep(0)
    assert sorted(begun[AT_ONCE:])[-3:] == ["other", "quiet", "quiet"]
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(begun) == 5 * AT_ONCE + 3


async def test_probes_begin_at_once_whatever_waits() -> None:
    made, _ = line(["noisy"] * 1000, set())
    assert made.begins_at_once(scope("/health/ready"))
    assert made.begins_at_once(scope("/health/live"))
    assert not made.begins_at_once(scope())


async def test_who_would_be_refused_is_held_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[tuple[float, partial[None]]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        loop, "call_later", lambda seconds, do, *args: later.append((seconds, partial(do, *args))), raising=False
    )
    _, begun = line([*["spent"] * 700, "quiet"], {"spent"})
    assert begun == ["quiet"]
    seconds = [each for each, _ in later]
    assert (seconds[0], seconds[-1], len(seconds)) == (LEAST_HELD, MOST_HELD, 700)
    assert seconds == sorted(seconds)
    for _, release in later:
        release()
    for turn in range(1, 5):
        await asyncio.sleep(0)
        assert begun[1:] == ["spent"] * REFUSALS_AT_ONCE * turn


async def test_no_more_than_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REQUESTS", 2)
    made, begun = line(["spent"] * 2, {"spent"})
    assert not begun
    assert made.begins_at_once(scope("/health/ready"))
    full = Admission(lambda _: True)
    assert [full.wait(scope(), lambda: None) for _ in range(3)] == [True, True, False]


async def test_a_refusal_that_was_held_is_the_same(
    wire: Wire, clients: Clients, app: ASGIApp, bot: httpx.AsyncClient
) -> None:
    made = (await bot.post("/v1/keys", json={"name": "spent", "scopes": ["settings:read"], "rate_limit": 1})).json()
    path = f"/v1/guilds/{HARBOUR}/settings/leveling"
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['secret']}\r\n\r\n".encode()
    async with wire.open() as connection, clients.bearer(made["secret"]) as client:
        connection.send(request)
        assert (await connection.answer()).status == 200
        at_once = await client.get(path)
        assert at_once.status_code == 429
        loop = asyncio.get_running_loop()
        began = loop.time()
        connection.send(request)
        held = await connection.answer()
        assert loop.time() - began >= LEAST_HELD
        assert (held.status, held.problem["type"]) == (429, at_once.json()["type"])
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
        assert {k: v for k, v in held.headers.items() if k not in apart} == {
            k: v for k, v in at_once.headers.items() if k not in apart
        }
        assert held.headers.keys() - {"date", "server"} == at_once.headers.keys()
        assert held.problem.keys() == at_once.json().keys()
