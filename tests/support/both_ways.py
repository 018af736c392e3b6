"""Sends requests to a fast route in both ways: by the fast path, and by Litestar."""

from collections.abc import Sequence
from typing import NamedTuple

import httpx2
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from api.app import fast_path
from api.config import Settings
from api.http.fast_path import FastPath
from api.http.middleware import OutermostMiddleware
from tests.support.clients import Clients
from tests.support.wiring import services_of


class Answers(NamedTuple):
    """The two answers to one request. `is_fast`: the fast path answered the first."""

    fast: httpx2.Response
    ordinary: httpx2.Response
    is_fast: bool


class BothWays:
    """Sends requests both ways."""

    def __init__(
        self, app: Litestar, settings: Settings, secret: str | None = None, public_url: str | None = None
    ) -> None:
        """`secret`: the key; without it each request brings its own."""
        self._through = 0
        services = services_of(app)

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self._through += 1
            await app(scope, receive, send)

        def client(inner: ASGIApp, table: FastPath | None) -> httpx2.AsyncClient:
            middleware = OutermostMiddleware(
                inner, services.metrics, timeout=settings.request_timeout_seconds, https=False, fast_path=table
            )
            clients = Clients(middleware, services.keys)
            return clients.anonymous() if secret is None else clients.bearer(secret)

        self.fast = client(counted, fast_path(services, public_url))
        self.ordinary = client(app, None)

    async def get(self, path: str, headers: Sequence[tuple[str, str]] = (), method: str = "GET") -> Answers:
        """Both answers, after a check that they are equal."""
        return await self.send(method, path, headers)

    async def send(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), content: bytes | None = None
    ) -> Answers:
        """Both answers, after a check that they are equal. So a change must give the same answer when it is
        repeated."""
        asked = [("X-Request-ID", "the-same"), *headers]
        for attempt in range(10):
            before = self._through
            fast = await self.fast.request(method, path, headers=asked, content=content)
            is_fast = self._through == before
            ordinary = await self.ordinary.request(method, path, headers=asked, content=content)
            # A cache may be invalidated meanwhile, and a cursor contains the second in which it was made.
            if (is_fast or attempt >= 2) and _seen(fast) == _seen(ordinary):
                break
        assert fast.status_code == ordinary.status_code
        assert _seen(fast) == _seen(ordinary)
        return Answers(fast, ordinary, is_fast)


def _seen(answer: httpx2.Response) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    return answer.content, sorted(answer.headers.raw)
