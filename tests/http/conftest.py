"""The application on a real port, for what only bytes on a socket show."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from litestar.types import ASGIApp

from api.http import connections
from api.http.admission import Admission
from tests.http.wire import Wire
from tests.support.serving import serve


@pytest.fixture
async def wire(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """Opens connections to it."""
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.05)
    async with serve(app, lifespan="off") as base_url:
        yield Wire(int(base_url.rpartition(":")[2]))


@pytest.fixture
def times() -> list[float]:
    """For how many seconds each was held."""
    return []


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch, times: list[float]) -> list[partial[None]]:
    """What lets each go that is held."""
    later: list[partial[None]] = []

    loop = asyncio.get_running_loop()
    real = loop.call_later

    def call_later(seconds: float, do: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        if isinstance(getattr(do, "__self__", None), Admission):
            times.append(seconds)
            later.append(partial(do, *args))
            return real(0, lambda: None)
        return real(seconds, do, *args)

    monkeypatch.setattr(loop, "call_later", call_later, raising=False)
    return later
