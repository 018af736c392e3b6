"""How long the worst body that each route can be sent holds up somebody else, who asks whether the server lives."""

import threading
import time
from http.client import HTTPConnection

import msgspec

from benchmarks.servers import Side, call, cpu_seconds
from tests.requests.routes import ROUTES
from tests.support.people import HARBOUR
from tests.support.worst_bodies import ROWS, addresses, bodies_of, media_type, wide


class Waits:
    """Asks one thing after the other on a connection of its own. `longest`: the longest answer, in seconds."""

    def __init__(self, guildhall: Side) -> None:
        self.longest = 0.0
        self._connection = HTTPConnection("127.0.0.1", guildhall.port)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Waits":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _ask(self) -> None:
        while not self._ended.is_set():
            began = time.perf_counter()
            self._connection.request("GET", "/health/live")
            self._connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - began)


def measure_bodies(key: str, guildhall: Side) -> None:
    """Of each route the body that held up the other longest, and the one that cost most."""
    call(guildhall, key, "PUT", f"/v1/guilds/{HARBOUR}", b'{"name": "Harbour"}')
    call(guildhall, key, "PUT", "/v1/modules/wide", msgspec.json.encode({"schema": wide()}))
    print("bodies: the worst that each route can be sent, and how long another waited meanwhile (to reach: 50 ms)")
    for route in ROUTES:
        if str(route) not in ROWS:
            continue
        found = [
            _sent(key, guildhall, route.method, address, name, body)
            for name, body in bodies_of(route)
            for address in addresses(route)
        ]
        if found:
            waited, name, status, size, spent = max(found)
            dearest = max(each[4] for each in found)
            print(
                f"  {route}: waited {1000 * waited:.0f} ms at most ({name}, {size:,} bytes, {status}, CPU"
                f" {1000 * spent:.0f} ms); the dearest body {1000 * dearest:.0f} ms of CPU",
                flush=True,
            )
    print(flush=True)


def _sent(
    key: str, guildhall: Side, method: str, address: str, name: str, body: bytes
) -> tuple[float, str, int, int, float]:
    before = cpu_seconds(guildhall.pid)
    connection = HTTPConnection("127.0.0.1", guildhall.port)
    with Waits(guildhall) as waits:
        connection.request(
            method, address, body, {"Authorization": f"Bearer {key}", "Content-Type": media_type(address)}
        )
        answer = connection.getresponse()
        answer.read()
    connection.close()
    return waits.longest, name, answer.status, len(body), cpu_seconds(guildhall.pid) - before
