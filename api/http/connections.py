"""The open connections of one process: how many there may be, and when each has to be heard of again.

No connection has a timer of its own: each says when it is late, and twice a second somebody looks."""

import asyncio
from collections import defaultdict
from typing import Protocol

import msgspec

from api.errors import GuildhallError
from api.http.admission import Admission
from api.http.problems import MEDIA_TYPE, problem
from api.http.request_ids import request_id
from api.http.security_headers import POLICY, Headers, lines
from api.lib.metrics import Metrics

SPARE = 64  # beyond the most: probes are answered on these, all others are told to go
LOOK_SECONDS = 0.5

_NONE: Headers = []


class Connection(Protocol):
    """What is known of one here. `due`: when it is late, in the loop's seconds. `is_idle`: no request is under way."""

    address: str
    due: float

    @property
    def is_idle(self) -> bool: ...
    def late(self) -> None: ...
    def close(self) -> None: ...


class Connections:
    """`is_full`: no more are served. `is_crowded`: not even spare ones are left."""

    def __init__(self, metrics: Metrics, *, most: int, headers: Headers, admission: Admission) -> None:
        """`headers`: of every answer."""
        self.most = most
        self.admission = admission
        self._metrics = metrics
        self._headers = [POLICY, *headers]
        self._open: set[Connection] = set()
        self._is_watched = False

    @property
    def most_idle(self) -> int:
        """How many may wait for a request, or be slow to send one; an eighth of them from one address."""
        return self.most // 2

    @property
    def is_full(self) -> bool:
        return len(self._open) > self.most

    @property
    def is_crowded(self) -> bool:
        return len(self._open) > self.most + SPARE

    def add(self, connection: Connection) -> None:
        """From now on it is looked after."""
        self._open.add(connection)
        if not self._is_watched:
            self._is_watched = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def remove(self, connection: Connection) -> None:
        """It is no more."""
        self._open.discard(connection)

    def turn_away(self, reason: str) -> None:
        """Counts a request or a connection that the application never saw."""
        self._metrics.turned_away.labels(reason).inc()

    def refusal(self, error: GuildhallError, instance: str, *, asked: Headers = _NONE, closes: bool = True) -> bytes:
        """The header, but for its first line, and the body of an answer. `asked`: the request's headers; `closes`:
        after it the connection ends."""
        name = request_id(asked)
        body = msgspec.json.encode(problem(error, instance=instance, request_id=name.decode()))
        return b"%b\r\n%b" % (
            lines(
                [
                    (b"content-type", MEDIA_TYPE.encode()),
                    (b"content-length", b"%d" % len(body)),
                    (b"cache-control", b"no-store"),
                    *(((b"connection", b"close"),) if closes else ()),
                    (b"x-request-id", name),
                    *((each.lower().encode(), value.encode()) for each, value in error.headers.items()),
                    *self._headers,
                ]
            ),
            body,
        )

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        idle: defaultdict[str, list[Connection]] = defaultdict(list)
        for connection in list(self._open):
            if connection.due <= now:
                connection.late()
            elif connection.is_idle:
                idle[connection.address].append(connection)
        for of_one in idle.values():
            self._thin(of_one, self.most_idle // 8)
        self._thin([connection for of_one in idle.values() for connection in of_one], self.most_idle)
        self._metrics.connections.set(len(self._open))
        self._is_watched = bool(self._open)
        if self._is_watched:
            loop.call_later(LOOK_SECONDS, self._look)

    def _thin(self, idle: list[Connection], most: int) -> None:
        """Closes those that would be late first, where more wait than may."""
        if len(idle) <= most:
            return
        idle.sort(key=lambda connection: connection.due)
        for connection in idle[:-most]:
            connection.close()
            self.turn_away("idle")
        del idle[:-most]
