"""A load generator: so many keep-alive connections, each sending the next request when the last is answered."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from typing import cast

import msgspec
import uvloop

# Where this stands in a request its number is put, as wide as this: no two are alike.
NUMBER = "@" * 15
_MARK = NUMBER.encode()


class Work(msgspec.Struct):
    """What to send: requests (whole, as bytes on the wire) that each connection takes in turn, numbered
    from `first`."""

    port: int
    connections: int
    seconds: float
    requests: list[str]
    first: int = 0


class Outcome(msgspec.Struct):
    """The result. Latencies in milliseconds."""

    answers: int
    wrong: int
    seconds: float
    p50: float
    p99: float
    example: str = ""  # the first answer that was wrong

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


class _Connection(asyncio.Protocol):
    def __init__(
        self, requests: Sequence[bytes], numbers: Iterator[int], first: int, until: float, latencies: list[float]
    ) -> None:
        self._requests = requests
        self._numbers = numbers
        self._next = first
        self._until = until
        self._latencies = latencies
        self._buffer = bytearray()
        self._sent_at = 0.0
        self.wrong = 0
        self.example = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def _send(self) -> None:
        if time.perf_counter() >= self._until:
            self._transport.close()
            return
        request = self._requests[self._next % len(self._requests)]
        if _MARK in request:
            request = request.replace(_MARK, b"%015d" % next(self._numbers))
        self._sent_at = time.perf_counter()
        self._transport.write(request)
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        if not head.startswith((b"http/1.1 200", b"http/1.1 204")):
            self.wrong += 1
            self.example = self.example or bytes(self._buffer[:1000])
        self._buffer.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _run(work: Work) -> Outcome:
    requests = [request.encode() for request in work.requests]
    numbers = count(work.first)
    latencies: list[float] = []
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    connections = []
    for number in range(work.connections):
        step = number * len(requests) // work.connections
        _, connection = await loop.create_connection(
            partial(_Connection, requests, numbers, step, started + work.seconds, latencies),
            "127.0.0.1",
            work.port,
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    seconds = time.perf_counter() - started
    latencies.sort()
    return Outcome(
        answers=len(latencies),
        wrong=sum(connection.wrong for connection in connections),
        seconds=seconds,
        p50=latencies[len(latencies) // 2] * 1000,
        p99=latencies[len(latencies) * 99 // 100] * 1000,
        example=next((one.example for one in connections if one.example), b"").decode(errors="replace"),
    )


if __name__ == "__main__":
    outcome = uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Work)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
