"""How many connections there may be, and who is served when there are more."""

import asyncio
import contextlib
import resource

import pytest
from litestar.types import ASGIApp

from api.http import connections
from api.http.connections import Connections
from api.lib import descriptors
from tests.http.wire import Wire

LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
OTHER = b"GET /v1/guilds HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def few(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> Connections:
    found: Connections = app.connections  # type: ignore[attr-defined] # the middleware's
    monkeypatch.setattr(found, "most", 16)
    return found


async def test_beyond_the_most_only_probes_are_answered(
    few: Connections, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 100)
    monkeypatch.setattr(connections, "SPARE", 4)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(few.most):
            opened = await stack.enter_async_context(wire.open())
            opened.send(OTHER)
            assert (await opened.answer()).status == 401
        async with wire.open() as probe, wire.open() as other:
            probe.send(LIVE)
            answer = await probe.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            other.send(OTHER)
            refusal = await other.refused(503, "overloaded")
            assert refusal.headers["retry-after"] == "1"
            assert refusal.problem["instance"] == "/v1/guilds"
        for _ in range(8):
            late = await stack.enter_async_context(wire.open())
        await late.ended()
        opened.send(LIVE)  # who is there is served on
        assert (await opened.answer()).status == 200
    async with asyncio.timeout(5):
        while few._open:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    async with wire.open() as again:
        again.send(OTHER)
        assert (await again.answer()).status == 401


async def test_where_many_of_one_address_are_idle_those_that_asked_for_nothing_are_closed(
    few: Connections, wire: Wire
) -> None:
    assert few.most_idle // 8 == 1
    async with wire.open() as known:
        known.send(LIVE)
        assert (await known.answer()).status == 200
        async with wire.open() as silent:
            await silent.ended()
        known.send(LIVE)
        assert (await known.answer()).status == 200


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 524_288), (65_536, 524_288)),
        ((1024, 4096), (4096, 4096)),
        ((1024, resource.RLIM_INFINITY), (65_536, resource.RLIM_INFINITY)),
        ((100_000, 200_000), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_the_limit_of_descriptors_is_raised(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised: tuple[int, int] | None
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _of: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _of, wanted: asked.append(wanted))
    descriptors.raise_limit()
    assert asked == ([] if raised is None else [raised])


@pytest.mark.parametrize(("soft", "most"), [(1024, 822), (64, 192), (65_536, 16_384), (resource.RLIM_INFINITY, 16_384)])
def test_something_is_left_for_all_else(monkeypatch: pytest.MonkeyPatch, soft: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _of: (soft, soft))
    assert descriptors.most_connections(10) == most
