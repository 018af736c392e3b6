"""The two ways a read may take: around the framework, and through it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import httpx
from litestar import Litestar
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from api.config import Settings
from api.http.middleware import OutermostMiddleware
from tests.support.clients import Clients

Read = Callable[[HTTPScope], Awaitable[ASGIApp | None] | None]


class Answers(NamedTuple):
    """Answers to the same request. `is_short`: the first came around the framework."""

    short: httpx.Response
    ordinary: httpx.Response
    is_short: bool


class BothWays:
    """Sends requests both ways."""

    def __init__(self, app: Litestar, settings: Settings, secret: str) -> None:
        self._through = 0

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self._through += 1
            await app(scope, receive, send)

        def client(inner: ASGIApp, reads: Sequence[Read]) -> httpx.AsyncClient:
            middleware = OutermostMiddleware(
                inner, app.state["metrics"], timeout=settings.request_timeout_seconds, https=False, reads=reads
            )
            return Clients(middleware, app.state["keys"]).bearer(secret)

        self._short = client(counted, [each.answer for each in app.state["read_fast_paths"]])
        self._ordinary = client(app, ())

    async def get(self, path: str, headers: Sequence[tuple[str, str]] = (), method: str = "GET") -> Answers:
        """Both answers, of which all is the same."""
        asked = [("X-Request-ID", "the-same"), *headers]
        for attempt in range(10):
            before = self._through
            short = await self._short.request(method, path, headers=asked)
            ordinary = await self._ordinary.request(method, path, headers=asked)
            is_short = self._through == before
            # What is in memory may be forgotten meanwhile, and a cursor tells the second in which it was made.
            if (is_short or attempt >= 2) and _told(short) == _told(ordinary):
                break
        assert short.status_code == ordinary.status_code
        assert _told(short) == _told(ordinary)
        return Answers(short, ordinary, is_short)


def _told(answer: httpx.Response) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    return answer.content, sorted(answer.headers.raw)
