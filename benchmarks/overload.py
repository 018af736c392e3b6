"""What is left for others beside a crowd that does not stop asking, and of the capacity under ten times as much."""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import msgspec

from benchmarks.cases import headers
from benchmarks.crowd import Crowd, Tally, start, tally
from benchmarks.measure import ROUNDS
from benchmarks.servers import Side, call, keep_apart
from tests.support.people import HARBOUR

NOISY = 700
OPEN_LOOP = 1500  # connections at most
SECONDS = 4.0
LOOK_SECONDS = 0.1


class Looks:
    """Whether the server said that it is ready."""

    def __init__(self) -> None:
        self.count = self.failed = 0
        self.slowest = 0.0


def measure_overload(key: str, guildhall: Side) -> None:
    """A key that ignores 429 beside a quiet one; then ten times as many requests as are answered."""
    keep_apart(guildhall)
    call(guildhall, key, "PUT", f"/v1/guilds/{HARBOUR}", b'{"name": "Harbour"}')
    request = f"GET /v1/guilds/{HARBOUR}/settings/leveling HTTP/1.1\r\n"
    port = guildhall.port
    quiet = Crowd(port, 2, SECONDS, [f"{request}{headers(_made(key, guildhall, None))}\r\n"], pause=0.01)
    noise = Crowd(port, NOISY, SECONDS + 2, [f"{request}{headers(_made(key, guildhall, 60))}\r\n"])
    alone, in_thread, noises, looks = [], [], [], Looks()
    for _ in range(ROUNDS):
        alone.append(_run(quiet))
        running = start(noise)
        with _looking(port, looks):
            time.sleep(1)  # until they are there, and the budget is spent
            in_thread.append(_run(quiet))
        noises.append(tally(running))
    print(f"noise: {NOISY} connections of a key that sends again at once whatever it is answered, beside a quiet key")
    print(
        f"  p99 of the quiet key: alone {_median(alone, 'p99'):.2f} ms, beside {_median(in_thread, 'p99'):.2f} ms;"
        f" p50 {_median(alone, 'p50'):.2f} and {_median(in_thread, 'p50'):.2f} ms"
    )
    _print_ratios("p99, beside / alone", [b.p99 / a.p99 for a, b in zip(alone, in_thread, strict=True)], "at most 1.5")
    _print_refusals(noises)
    _print_looks(looks)

    # A route that asks the database, and a key with no budget.
    path = f"GET /v1/guilds/{HARBOUR}/roles HTTP/1.1\r\n{headers(key)}\r\n"
    capacity, under, looks = [], [], Looks()
    for _ in range(ROUNDS):
        capacity.append(_run(Crowd(port, 32, SECONDS, [path])))
        with _looking(port, looks):
            under.append(_run(Crowd(port, OPEN_LOOP, SECONDS, [path], rate=capacity[-1].good * 10)))
    print(f"overload: GET roles, ten times the requests that are answered, on {OPEN_LOOP} connections at most")
    print(f"  capacity {_median(capacity, 'good'):.0f} /s, under load {_median(under, 'good'):.0f} /s")
    _print_ratios("goodput / capacity", [u.good / c.good for c, u in zip(capacity, under, strict=True)], "0.85")
    _print_refusals(under)
    _print_looks(looks)
    print(flush=True)


def _made(key: str, guildhall: Side, rate: int | None) -> str:
    """A key with such a budget."""
    data = {"name": "crowd", "scopes": ["settings:read"], "rate_limit": rate}
    made = call(guildhall, key, "POST", "/v1/keys", msgspec.json.encode(data))
    return str(msgspec.json.decode(made, type=dict[str, object])["secret"])


def _run(crowd: Crowd) -> Tally:
    return tally(start(crowd))


@contextlib.contextmanager
def _looking(port: int, looks: Looks) -> Iterator[None]:
    """Asks `/health/ready` ten times a second, each time on a new connection."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            began = time.perf_counter()
            try:
                connection = HTTPConnection("127.0.0.1", port, timeout=2)
                connection.request("GET", "/health/ready")
                looks.failed += connection.getresponse().status != 200
                connection.close()
            except (OSError, HTTPException):
                looks.failed += 1
            looks.count += 1
            looks.slowest = max(looks.slowest, time.perf_counter() - began)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _median(tallies: list[Tally], field: str) -> float:
    return float(statistics.median(getattr(one, field) for one in tallies))


def _print_ratios(name: str, ratios: list[float], goal: str) -> None:
    print(f"  {name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})   (to reach: {goal})")


def _print_refusals(tallies: list[Tally]) -> None:
    statuses: dict[int, int] = {}
    for each in tallies:
        for status, count in each.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    print(
        f"  refused {_median(tallies, 'refused'):.0f} /s after {_median(tallies, 'refused_p50'):.0f} ms"
        f" (p99 {_median(tallies, 'refused_p99'):.0f}); answers by status {statuses},"
        f" connections cut {sum(one.cut for one in tallies)}"
    )


def _print_looks(looks: Looks) -> None:
    print(
        f"  not ready in {looks.failed} of {looks.count} looks (to reach: 0), the slowest {looks.slowest * 1000:.0f} ms"
    )
