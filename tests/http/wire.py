"""Raw connections: bytes sent as a test wants them, answers read as HTTP has them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:  # Any: a problem's members
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = msgspec.json.decode(self.body)
        assert found["status"] == self.status
        assert found["request_id"] == self.headers["x-request-id"]
        return found


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    async def answer(self, seconds: float = 10) -> Answer:
        """The next one. Raises `IncompleteReadError` where the connection ends instead."""
        async with asyncio.timeout(seconds):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            return Answer(int(first.split()[1]), headers, body)

    async def refused(self, status: int, kind: str) -> Answer:
        """The next answer, which has to be this refusal, and the last."""
        answer = await self.answer()
        assert answer.status == status, answer
        assert answer.problem["type"] == f"urn:guildhall:problem:{kind}"
        assert answer.headers["connection"] == "close"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        await self.ended()
        return answer

    async def ended(self, seconds: float = 10) -> None:
        """Returns when the other side has closed, having said nothing more."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionResetError):  # it had not read all that was sent
                assert await self.reader.read() == b""


class Wire:
    def __init__(self, port: int) -> None:
        self.port = port

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()
