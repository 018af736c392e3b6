"""The way to a server, with what can happen on it."""

from collections.abc import AsyncIterator, Callable

import httpx


class Road(httpx.AsyncBaseTransport):
    """To the application in this process; `mishaps` befall the next requests, one each."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.mishaps: list[str] = []
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        mishap = self.mishaps.pop(0) if self.mishaps else ""
        if mishap == "away":
            raise httpx.ConnectError("nobody listens")
        if mishap == "stopping":
            return httpx.Response(503, headers={"Retry-After": "0"}, json={"title": "Unavailable"})
        response = await self._inner.handle_async_request(request)
        if mishap == "lost":
            await response.aread()
            raise httpx.ReadError("the answer was lost")
        return response


class Script(httpx.AsyncBaseTransport):
    """Answers as it is written, one after the other."""

    def __init__(self, *answers: Callable[[], httpx.Response]) -> None:
        self._answers = list(answers)
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._answers.pop(0)()


class Chunks(httpx.AsyncByteStream):
    """A body in pieces, which breaks off at the end if it is to."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self._chunks = chunks
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._breaks:
            raise httpx.ReadError("cut off")
