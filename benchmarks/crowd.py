"""A load generator for what nobody wishes for: many connections that ask again at once whatever they are answered, or
requests at a rate that does not ask whether they can be answered."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import cast

import msgspec
import uvloop

TICK_SECONDS = 0.005


class Crowd(msgspec.Struct):
    """`requests`: whole ones, as bytes on the wire, taken in turn. `rate`: a second, on at most `connections`; 0: each
    connection sends the next one when the last is answered, and `pause` seconds later."""

    port: int
    connections: int
    seconds: float
    requests: list[str]
    rate: float = 0.0
    pause: float = 0.0


class Tally(msgspec.Struct):
    """The result. `unsent`: no connection was free. `cut`: ended with no answer. Latencies in milliseconds."""

    seconds: float
    statuses: dict[int, int]
    unsent: int
    cut: int
    p50: float
    p99: float
    refused_p50: float
    refused_p99: float

    @property
    def good(self) -> float:
        """A second."""
        return self.statuses.get(200, 0) / self.seconds

    @property
    def refused(self) -> float:
        """A second."""
        return sum(count for status, count in self.statuses.items() if status != 200) / self.seconds


def start(crowd: Crowd) -> "subprocess.Popen[bytes]":
    """Sends in a process of its own. SIGTERM ends it early."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.crowd"], stdin=-1, stdout=-1)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(crowd))
    process.stdin.close()
    return process


def tally(process: "subprocess.Popen[bytes]") -> Tally:
    """Waits for the end. Returns the tally."""
    assert process.stdout is not None
    found = msgspec.json.decode(process.stdout.read(), type=Tally)
    process.wait()
    return found


class _Everybody:
    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.requests = [request.encode() for request in crowd.requests]
        self.until = time.perf_counter() + crowd.seconds
        self.sent = self.unsent = self.cut = self.open = 0
        self.free: list[_Member] = []
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.refusals: list[float] = []

    @property
    def is_over(self) -> bool:
        return time.perf_counter() >= self.until

    def end(self) -> None:
        self.until = 0.0

    def next(self) -> bytes:
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]

    async def connect(self) -> None:
        self.open += 1
        try:
            await asyncio.get_running_loop().create_connection(lambda: _Member(self), "127.0.0.1", self.crowd.port)
        except OSError:
            self.open -= 1
            self.cut += 1


class _Member(asyncio.Protocol):
    def __init__(self, everybody: _Everybody) -> None:
        self._all = everybody
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        if self._all.crowd.rate:
            self._all.free.append(self)
        else:
            self.send()

    def send(self) -> None:
        if not self._transport.is_closing():
            self._sent_at = time.perf_counter()
            self._transport.write(self._all.next())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        if len(self._buffer) < end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0):
            return
        self._buffer = b""
        status, seconds = int(head[9:12]), time.perf_counter() - self._sent_at
        self._sent_at = 0.0
        if not self._all.is_over:
            self._all.statuses[status] += 1
            (self._all.latencies if status == 200 else self._all.refusals).append(seconds)
            if self._all.crowd.rate:
                self._all.free.append(self)
            elif self._all.crowd.pause:
                asyncio.get_running_loop().call_later(self._all.crowd.pause, self.send)
            else:
                self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.open -= 1
        self._all.cut += bool(self._sent_at) and not self._all.is_over
        if not self._all.crowd.rate and not self._all.is_over:
            asyncio.get_running_loop().create_task(self._all.connect())


async def _run(crowd: Crowd) -> Tally:
    everybody = _Everybody(crowd)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, everybody.end)
    started = time.perf_counter()
    if not crowd.rate:
        for _ in range(crowd.connections):
            await everybody.connect()
        await asyncio.sleep(max(everybody.until - time.perf_counter(), 0))
    due = 0.0
    opening: set[asyncio.Task[None]] = set()
    while crowd.rate and not everybody.is_over:
        due = (time.perf_counter() - started) * crowd.rate - everybody.sent - everybody.unsent
        for _ in range(int(due)):
            if everybody.free:
                everybody.free.pop().send()
            elif everybody.open < crowd.connections:
                task = asyncio.create_task(everybody.connect())
                opening.add(task)
                task.add_done_callback(opening.discard)
                everybody.unsent += 1
            else:
                everybody.unsent += 1
        await asyncio.sleep(TICK_SECONDS)
    seconds = time.perf_counter() - started
    return Tally(
        seconds,
        dict(everybody.statuses),
        everybody.unsent,
        everybody.cut,
        *_spread(everybody.latencies),
        *_spread(everybody.refusals),
    )


def _spread(seconds: list[float]) -> tuple[float, float]:
    seconds.sort()
    if not seconds:
        return 0.0, 0.0
    return seconds[len(seconds) // 2] * 1000, seconds[len(seconds) * 99 // 100] * 1000


if __name__ == "__main__":
    done = uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Crowd)))
    sys.stdout.buffer.write(msgspec.json.encode(done))
