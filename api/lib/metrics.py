"""A few Prometheus metrics, by route template. Their number does not grow with traffic."""

import os
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics import exposition as openmetrics

CONTENT_TYPE = "text/plain; version=0.0.4"  # Litestar adds the charset
OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one process; `render` adds up those of all workers."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "guildhall_requests", "Answers, by route.", ["method", "route", "status"], registry=registry
        )
        self._latency = Histogram(
            "guildhall_request_seconds",
            "Time from a request to the end of its answer, by route.",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.running = 0  # copied to the gauge once a second: every request changes this twice
        self.in_flight = self._gauge("requests_in_flight", "Requests being answered.")
        self.pool_in_use = self._gauge("pool_in_use", "Database connections in use.")
        self.pool_waiting = self._gauge("pool_waiting", "Requests waiting for a database connection.")
        self.loop_lag = self._gauge("event_loop_lag_seconds", "The last lag of the event loop.", mode="livemax")
        self.changes_age = self._gauge(
            "changes_age_seconds", "Time since the change watcher's last poll.", mode="livemax"
        )
        self.connections = self._gauge("connections_open", "Open connections of clients.")
        self.turned_away = Counter(
            "guildhall_turned_away",
            "Requests and connections refused before the application, by reason.",
            ["reason"],
            registry=registry,
        )
        self.streams = self._gauge("streams_open", "Open event streams.")
        self.streams_refused = Counter(
            "guildhall_streams_refused",
            "Event streams refused because of a limit for a key, a person or all clients.",
            ["whose"],
            registry=registry,
        )
        self.stream_age = self._gauge("stream_age_seconds", "Time since the event poller's last poll.", mode="livemax")
        self.shed = Counter("guildhall_shed", "Requests refused because of overload.", registry=registry)
        self.accepted = Counter("guildhall_events_accepted", "Events counted.", registry=registry)
        self.duplicates = Counter("guildhall_events_duplicate", "Events that were known already.", registry=registry)
        self.rollbacks = self._gauge("transactions_rolled_back", "Transactions rolled back since the start.")
        self.replica_lag = self._gauge(
            "replica_lag_seconds", "The most by which the replica can be behind the primary.", mode="livemax"
        )
        self.replica_reads = Counter(
            "guildhall_replica_reads",
            "Reads that a replica may answer, by outcome: `replica` if it did, otherwise why the primary did.",
            ["outcome"],
            registry=registry,
        )
        self._count = lru_cache(2048)(self._requests.labels)
        self._time = lru_cache(512)(self._latency.labels)

    def _gauge(self, name: str, about: str, mode: str = "livesum") -> Gauge:
        return Gauge(f"guildhall_{name}", about, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type] # both are modes of it

    def observe(self, method: str, route: str, status: int, seconds: float, trace: str | None = None) -> None:
        """Counts one answer. `trace`: the id of its trace, an exemplar of its duration."""
        self._count(method if method in _METHODS else "OTHER", route, status).inc()
        self._time(route).observe(seconds, None if trace is None else {"trace_id": trace})
        if status == 503 and not route.startswith("/health"):
            self.shed.inc()

    def render(self, *, with_exemplars: bool = False) -> bytes:
        """Everything in Prometheus' text format; with exemplars as OpenMetrics. Metrics of several workers have no
        exemplars: the library adds up none."""
        write = openmetrics.generate_latest if with_exemplars else generate_latest
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return write(self._registry)
        _remove_ended_workers(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call] # the library leaves it untyped
        return write(everybody)


def _remove_ended_workers(folder: Path) -> None:
    """Removes the gauges of workers that have ended: their last values are outdated."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*_*.db")}:
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call] # the library leaves it untyped
