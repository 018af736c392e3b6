"""The way to a server, with what can happen on it."""

from collections.abc import AsyncIterator, Callable

import httpx2


class FaultyTransport(httpx2.AsyncBaseTransport):
    """Sends to the application in this process. `faults`: of the next requests, one each."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.faults: list[str] = []
        self.sent: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            raise httpx2.ConnectError("nobody listens")
        if fault == "stopping":
            return httpx2.Response(503, headers={"Retry-After": "0"}, json={"title": "Unavailable"})
        response = await self._inner.handle_async_request(request)
        if fault == "lost":
            await response.aread()
            raise httpx2.ReadError("the answer was lost")
        return response


class Script(httpx2.AsyncBaseTransport):
    """Answers as it is written, one after the other."""

    def __init__(self, *answers: Callable[[], httpx2.Response]) -> None:
        self._answers = list(answers)
        self.sent: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return self._answers.pop(0)()


class Chunks(httpx2.AsyncByteStream):
    """A body in pieces, which breaks off at the end if it is to."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self._chunks = chunks
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._breaks:
            raise httpx2.ReadError("cut off")
