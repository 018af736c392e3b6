"""A load generator: so many keep-alive connections, each sending the next request when the last is answered."""

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import cast

import msgspec
import uvloop


class Work(msgspec.Struct):
    """What to send: requests (whole, as bytes on the wire) that each connection takes in turn."""

    port: int
    connections: int
    seconds: float
    requests: list[str]


class Outcome(msgspec.Struct):
    """What came of it. Latencies in milliseconds."""

    answers: int
    wrong: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Sequence[bytes], first: int, until: float, latencies: list[float]) -> None:
        self._requests = requests
        self._next = first
        self._until = until
        self._latencies = latencies
        self._buffer = bytearray()
        self._sent_at = 0.0
        self.wrong = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def _send(self) -> None:
        now = time.perf_counter()
        if now >= self._until:
            self._transport.close()
            return
        self._sent_at = now
        self._transport.write(self._requests[self._next % len(self._requests)])
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
        self.wrong += not head.startswith((b"http/1.1 200", b"http/1.1 204"))
        self._buffer.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _run(work: Work) -> Outcome:
    requests = [request.encode() for request in work.requests]
    latencies: list[float] = []
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    connections = []
    for number in range(work.connections):
        step = number * len(requests) // work.connections
        _, connection = await loop.create_connection(
            partial(_Connection, requests, step, started + work.seconds, latencies),
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
    )


if __name__ == "__main__":
    outcome = uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Work)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
