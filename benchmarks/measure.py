"""Lanes of one case in turn, round by round, and their results: rates, tails, CPU, ratios."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Literal

import msgspec

from benchmarks.load import Outcome, Work
from benchmarks.servers import Side, cluster_cpu_seconds, cpu_seconds, wal_bytes

SECONDS = 2.0
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))

Figure = Literal["rate", "p99", "cpu", "database_cpu", "all_cpu", "wal"]

_taken = 0  # event ids are made of a number that no request of this run has had


class Lane(msgspec.Struct):
    """Requests to one side. `requests` makes those of a round: whole ones, as bytes on the wire."""

    name: str
    side: Side
    requests: Callable[[int], list[str]]


class Ratio(msgspec.Struct):
    """One lane's figure by another's, and what is to be reached."""

    of: str
    by: str
    goal: str = ""
    figure: Figure = "rate"


class Case(msgspec.Struct):
    """What is compared."""

    name: str
    title: str
    connections: int
    lanes: list[Lane]
    ratios: list[Ratio]
    warm_up: float = 0.5  # of writes longer: after a checkpoint the first change of each page logs the whole page


class Measured(msgspec.Struct):
    """One round of one lane. Milliseconds; CPU in microseconds a request; WAL in KiB a request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float
    wal: float

    @property
    def all_cpu(self) -> float:
        return self.cpu + self.database_cpu


def compare(case: Case) -> dict[str, list[Measured]]:
    """Measures a case and prints it. Round 0, a short one, warms caches and pools up."""
    rounds: dict[str, list[Measured]] = {lane.name: [] for lane in case.lanes}
    for number in range(ROUNDS + 1):
        for lane in case.lanes:
            measured = _measure(case, lane, number)
            if number:
                rounds[lane.name].append(measured)
    print(f"{case.name}: {case.title}, {case.connections} connections")
    for name, lane_rounds in rounds.items():
        print(
            f"  {name:<24}{_median(lane_rounds, 'rate'):9.0f} /s   p50 {_median(lane_rounds, 'p50'):7.2f} ms"
            f"   p99 {_median(lane_rounds, 'p99'):7.2f} ms   CPU a request:"
            f" {_median(lane_rounds, 'cpu'):6.0f} µs, PostgreSQL {_median(lane_rounds, 'database_cpu'):6.0f} µs"
            f"   WAL {_median(lane_rounds, 'wal'):7.1f} KiB"
        )
    for ratio in case.ratios:
        print_ratio(ratio, rounds)
    print(flush=True)
    return rounds


def print_ratio(ratio: Ratio, rounds: dict[str, list[Measured]]) -> None:
    """The median of the ratios of each round, and their range."""
    pairs = zip(rounds[ratio.of], rounds[ratio.by], strict=True)
    ratios = [getattr(of, ratio.figure) / max(getattr(by, ratio.figure), 1e-9) for of, by in pairs]
    goal = f"   (to reach: {ratio.goal})" if ratio.goal else ""
    print(
        f"  {ratio.figure + ',':<13} {ratio.of} / {ratio.by}: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} … {max(ratios):.2f}){goal}"
    )


def _median(measured: list[Measured], field: str) -> float:
    return float(statistics.median(getattr(one, field) for one in measured))


def _measure(case: Case, lane: Lane, number: int) -> Measured:
    lane.requests(number)  # made before the clock starts
    before, database_before = cpu_seconds(lane.side.pid), cluster_cpu_seconds(lane.side.postmaster)
    wal_before = wal_bytes(lane.side)
    outcome = send(case, lane, number)
    return Measured(
        outcome.rate,
        outcome.p50,
        outcome.p99,
        (cpu_seconds(lane.side.pid) - before) / outcome.answers * 1e6,
        (cluster_cpu_seconds(lane.side.postmaster) - database_before) / outcome.answers * 1e6,
        (wal_bytes(lane.side) - wal_before) / outcome.answers / 1024,
    )


def send(case: Case, lane: Lane, number: int) -> Outcome:
    """Sends a round's requests. All answers must be right."""
    global _taken
    seconds = SECONDS if number else case.warm_up
    work = Work(lane.side.port, case.connections, seconds, lane.requests(number), first=_taken)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=msgspec.json.encode(work), stdout=subprocess.PIPE, check=True
    )
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    assert not outcome.wrong, f"{outcome.wrong} of {outcome.answers} answers of {lane.side.name}: {outcome.example}"
    _taken += outcome.answers + case.connections
    return outcome
