"""Whether this process lives, and whether it should be sent requests."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
from litestar import Controller, Response, get
from litestar.datastructures import State

from api.errors import DatabaseAway, Overloaded
from api.http.policy import PUBLIC, RoutePolicy
from api.http.requests import GuildhallRequest
from api.postgres.change_watcher import Changes
from api.postgres.database import Database
from api.postgres.migrations import APP_NAME, known
from api.lib.metrics import CONTENT_TYPE, Metrics
from api.runtime.metrics_gate import MetricsGate

PROBE_SECONDS = 0.5
AWAY = {"database": "away", "migrations": "unknown"}


class Health:
    """What readiness is made of."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._expected = frozenset(known())
        self._asking: asyncio.Future[dict[str, str]] | None = None
        self.draining = False
        self.server_stops: Callable[[], bool] = lambda: False

    @property
    def stopping(self) -> bool:
        """Whether this process is about to end: it drains, or its server closes already."""
        return self.draining or self.server_stops()

    async def checks(self) -> dict[str, str]:
        """`ok` or what is wrong, by name."""
        return {
            "accepting": "draining" if self.draining else "ok",
            **await self._database_checks(),
            "changes": "ok" if self._changes.is_fresh(5.0) else "no look at the database for 5 s",
        }

    async def _database_checks(self) -> dict[str, str]:
        # Not cancelled when time is up: that would wait for a server which does not answer.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=PROBE_SECONDS)
        return self._asking.result() if done else AWAY

    async def _ask(self) -> dict[str, str]:
        try:
            async with self._database.connection(first=True) as connection:
                rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
        except DatabaseAway:
            return AWAY
        except Overloaded:
            return {"database": "every connection is in use", "migrations": "unknown"}
        except asyncpg.UndefinedTableError:
            rows = []
        except asyncpg.PostgresError as error:
            return {"database": f"refuses to say what it has: {type(error).__name__}", "migrations": "unknown"}
        missing = len(self._expected - {row["name"] for row in rows})
        return {
            "database": "ok",
            "migrations": "ok" if not missing else f"{missing} missing: run `guildhall migrate`",
        }


class HealthController(Controller):
    opt = PUBLIC.opt
    tags = ("operation",)

    @get("/health/live", media_type="application/json")
    async def live(self) -> Response[dict[str, str]]:
        """Whether the process runs. It asks nobody else."""
        return Response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @get("/health/ready", media_type="application/json")
    async def ready(self, state: State) -> Response[dict[str, Any]]:  # Any: a word, and words by name
        """Whether requests should be sent here: 200 or 503, and why."""
        health: Health = state["health"]
        checks = await health.checks()
        is_ready = all(word == "ok" for word in checks.values())
        return Response(
            {"status": "ok" if is_ready else "not ready", "checks": checks},
            status_code=200 if is_ready else 503,
            headers={"Cache-Control": "no-store"} | ({} if is_ready else {"Retry-After": "1"}),
        )

    @get("/metrics", media_type="text/plain", opt=RoutePolicy(token=True).opt)
    async def metrics(self, state: State, request: GuildhallRequest) -> Response[bytes]:
        """Prometheus' metrics. Where `GUILDHALL_METRICS_TOKEN` is set, that token and no other is the key; in
        production there are none without it."""
        gate: MetricsGate = state["metrics_gate"]
        gate.refuse_stranger(request.headers.get("authorization"))
        metrics: Metrics = state["metrics"]
        return Response(
            await asyncio.to_thread(metrics.render),
            media_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store"},
        )
