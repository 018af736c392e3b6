"""The open connections of one process: their number, and the deadline of each.

No connection has a timer of its own. Each has a deadline, and one sweep twice a second closes those that are late."""

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

SPARE = 64  # beyond the limit: these answer probes and refuse everything else
SWEEP_SECONDS = 0.5

_NONE: Headers = []


class Connection(Protocol):
    """One connection. `due`: its deadline, in the loop's seconds. `is_idle`: it has no running request."""

    address: str
    due: float

    @property
    def is_idle(self) -> bool: ...
    def late(self) -> None: ...
    def close(self) -> None: ...


class Connections:
    """The open connections. `is_full`: further ones are refused. `is_crowded`: the spare ones are used up, too."""

    def __init__(self, metrics: Metrics, *, most: int, headers: Headers, admission: Admission) -> None:
        """`headers`: those of every answer."""
        self.most = most
        self.admission = admission
        self._metrics = metrics
        self._headers = [POLICY, *headers]
        self._open: set[Connection] = set()
        self._is_watched = False

    @property
    def most_idle(self) -> int:
        """How many may be idle or slow. An eighth of them may come from one address."""
        return self.most // 2

    @property
    def is_full(self) -> bool:
        return len(self._open) > self.most

    @property
    def is_crowded(self) -> bool:
        return len(self._open) > self.most + SPARE

    def add(self, connection: Connection) -> None:
        """Adds a connection."""
        self._open.add(connection)
        if not self._is_watched:
            self._is_watched = True
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def remove(self, connection: Connection) -> None:
        """Removes a connection."""
        self._open.discard(connection)

    def turn_away(self, reason: str) -> None:
        """Counts a request or connection that was refused without the application."""
        self._metrics.turned_away.labels(reason).inc()

    def refusal(self, error: GuildhallError, instance: str, *, asked: Headers = _NONE, closes: bool = True) -> bytes:
        """An answer's header without its first line, and its body. `asked`: the request's headers. `closes`: the
        connection ends after the answer."""
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

    def _sweep(self) -> None:
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
            loop.call_later(SWEEP_SECONDS, self._sweep)

    def _thin(self, idle: list[Connection], most: int) -> None:
        """Closes idle connections if there are too many: first those with the earliest deadline."""
        if len(idle) <= most:
            return
        idle.sort(key=lambda connection: connection.due)
        for connection in idle[:-most]:
            connection.close()
            self.turn_away("idle")
        del idle[:-most]
