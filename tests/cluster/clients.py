"""Who uses an installation while its database moves: each client records what was acknowledged."""

import itertools
import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import httpx2

from tests.support.serving import NO_TLS

GUILD = "/v1/guilds/81384788765712384"
ANSWER_SECONDS = 20
PAUSE_SECONDS = 0.05


class Worker(threading.Thread):
    """Works until `end` is called. A request that fails is sent again, to the next host, until it is acknowledged."""

    def __init__(self, hosts: Sequence[str], key: str, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.refusals: list[str] = []
        self.repeated = 0
        self._ended = threading.Event()
        headers = {"Authorization": f"Bearer {key}"}
        self._opened = clients = [
            httpx2.Client(base_url=each, headers=headers, timeout=ANSWER_SECONDS, verify=NO_TLS) for each in hosts
        ]
        self._clients = itertools.cycle(clients[first:] + clients[:first])
        self._client = next(self._clients)

    def run(self) -> None:
        try:
            self.work()
        finally:
            for each in self._opened:
                each.close()

    def work(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        self._ended.set()

    def _acknowledged(self, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> bool:
        while True:
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
                if answer.is_success:
                    return True
                if answer.status_code not in (500, 502, 503, 504):
                    self.refusals.append(f"{answer.status_code} {answer.text}")
                    return False
                if answer.status_code == 500:
                    self.refusals.append(f"500 {answer.text}")
            except httpx2.TransportError:
                pass
            self.repeated += 1
            self._client = next(self._clients)
            time.sleep(PAUSE_SECONDS)


class Chatter(Worker):
    """Sends messages of one member, each with an id."""

    def __init__(self, hosts: Sequence[str], key: str, number: int) -> None:
        super().__init__(hosts, key, number % len(hosts))
        self.user = str(number)
        self.acknowledged_at: list[float] = []

    def work(self) -> None:
        while not self._ended.is_set():
            event = {
                "id": f"{self.user}-{len(self.acknowledged_at)}",
                "type": "message",
                "user_id": self.user,
                "channel_id": "1",
                "occurred_at": datetime.now(UTC).isoformat(),
            }
            if self._acknowledged("POST", f"{GUILD}/activity", {"events": [event]}):
                self.acknowledged_at.append(time.monotonic())
            self._ended.wait(PAUSE_SECONDS)


class Renamer(Worker):
    """Gives the guild one name after the other. Each is an event of the stream."""

    def __init__(self, hosts: Sequence[str], key: str, prefix: str) -> None:
        super().__init__(hosts, key)
        self.prefix = prefix
        self.names: list[str] = []

    def work(self) -> None:
        while not self._ended.is_set():
            name = f"{self.prefix} {len(self.names)}"
            if self._acknowledged("PATCH", GUILD, {"name": name}, {"Idempotency-Key": name.replace(" ", "-")}):
                self.names.append(name)
            self._ended.wait(4 * PAUSE_SECONDS)


class Reader(Worker):
    """Reads the event stream, and continues on the next host whenever it breaks off."""

    def __init__(self, hosts: Sequence[str], key: str, prefix: str) -> None:
        super().__init__(hosts, key)
        self._prefix = prefix
        self.positions: list[int] = []
        self.names: list[str] = []
        self.streams = 0
        self.most = sys.maxsize  # events after which it leaves for the next host

    def work(self) -> None:
        while not self._ended.is_set():
            with suppress(httpx2.TransportError):
                self._read()
            self._client = next(self._clients)
            time.sleep(PAUSE_SECONDS)

    def _read(self) -> None:
        last = str(self.positions[-1] if self.positions else 0)
        path, headers = "/v1/events?types=guild.updated", {"Last-Event-ID": last}
        with self._client.stream("GET", path, headers=headers, timeout=ANSWER_SECONDS) as answer:
            if answer.status_code != 200:
                return
            self.streams += 1
            position, begun_with = 0, len(self.positions)
            for line in answer.iter_lines():
                if self._ended.is_set() or len(self.positions) - begun_with >= self.most:
                    return
                if line.startswith("id: "):
                    position = int(line[4:])
                elif line.startswith("data: "):
                    self.positions.append(position)
                    if (name := str(json.loads(line[6:])["name"])).startswith(self._prefix):
                        self.names.append(name)


def is_ready(address: str) -> bool:
    """Whether a proxy would send requests there."""
    try:
        return httpx2.get(f"{address}/health/ready", verify=NO_TLS, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def is_named(client: httpx2.Client, name: str) -> bool:
    """Whether this host knows the name of the guild."""
    return bool(client.get(GUILD).json()["name"] == name)
