"""A bot's server that takes webhooks: on a real port of this machine, answering what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:  # Any: any JSON
        value: dict[str, Any] = msgspec.json.decode(self.body)  # Any: the same
        return value


class Receiver:
    """`answers`: what is sent for each request in turn, the last one for all that follow; None: never."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[Received] = []
        self.answers: list[bytes | None] = [b"HTTP/1.1 204 No Content\r\n\r\n"]
        self.connections = 0

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append(Received(first.split()[1], headers, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            writer.write(answer)
        else:
            await reader.read()  # until the other side has had enough
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver._take, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?guild=1"
    try:
        yield receiver
    finally:
        server.close()
