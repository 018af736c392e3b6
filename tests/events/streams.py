"""Reads Server-Sent Events as the standard says they are read."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple, cast

import httpx2
import msgspec

from tests.support.serving import NO_TLS


class Message(NamedTuple):
    id: int
    event: str
    data: dict[str, Any]  # Any: an event's own data


class Stream:
    """One open stream. `comments`: how many lines were comments."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.began_after = int(response.headers["last-event-id"])
        self.comments = 0
        self._messages = self._read()

    async def next(self, seconds: float = 3) -> Message:
        """The next message. Raises `StopAsyncIteration` when the stream has ended, `TimeoutError`."""
        async with asyncio.timeout(seconds):
            return await anext(self._messages)

    async def take(self, count: int, seconds: float = 5) -> list[Message]:
        return [await self.next(seconds) for _ in range(count)]

    async def aclose(self) -> None:
        """Reads no further. Else the event loop does it some time, in a task that nobody waits for."""
        await self._messages.aclose()

    async def _read(self) -> AsyncGenerator[Message]:
        fields: dict[str, str] = {}
        async with aclosing(cast("AsyncGenerator[str]", self.response.aiter_lines())) as lines:
            async for line in lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    yield Message(int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"]))
                    fields = {}


@asynccontextmanager
async def stream(base_url: str, key: str, *, after: int | str | None = None, query: str = "") -> AsyncIterator[Stream]:
    """Opens a stream with a key, `Bearer …` or the key alone."""
    headers = {"Authorization": key if key.startswith("Bearer ") else f"Bearer {key}"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    async with (
        httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=20, verify=NO_TLS) as client,
        client.stream("GET", f"/v1/events{query}") as response,
    ):
        assert response.status_code == 200, await response.aread()
        async with aclosing(Stream(response)) as opened:
            yield opened
