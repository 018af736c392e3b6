"""Health checks and metrics."""

import asyncio
from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from api.http.policy import PUBLIC, RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib import tracing
from api.lib.metrics import CONTENT_TYPE, OPENMETRICS, OPENMETRICS_TYPE, Metrics
from api.postgres.readiness import Health
from api.runtime.metrics_gate import MetricsGate


class HealthController(Controller):
    opt = PUBLIC.opt
    tags = ("operation",)

    @get("/health/live", media_type="application/json")
    async def live(self) -> Response[dict[str, str]]:
        """Whether the process runs. It checks nothing else."""
        return Response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @get("/health/ready", media_type="application/json")
    async def ready(
        self, health: NamedDependency[Health]
    ) -> Response[dict[str, Any]]:  # Any: a word, and words by name
        """Whether requests should be sent to this process: 200 or 503, and why. `replica` says whether a
        configured replica answers reads; it does not affect readiness."""
        checks = await health.checks()
        is_ready = all(word == "ok" for word in checks.values())
        replica = {} if health.replica is None else {"replica": health.replica}
        return Response(
            {"status": "ok" if is_ready else "not ready", "checks": checks, **replica},
            status_code=200 if is_ready else 503,
            headers={"Cache-Control": "no-store"} | ({} if is_ready else {"Retry-After": "1"}),
        )

    @get("/metrics", media_type="text/plain", opt=RoutePolicy(token=True).opt)
    async def metrics(
        self, metrics: NamedDependency[Metrics], metrics_gate: NamedDependency[MetricsGate], request: GuildhallRequest
    ) -> Response[bytes]:
        """Metrics for Prometheus. If `GUILDHALL_METRICS_TOKEN` is set, they need that token; in production they are
        closed without it."""
        metrics_gate.refuse_stranger(request.headers.get("authorization"))
        has_exemplars = tracing.is_on() and OPENMETRICS in request.headers.get("accept", "")
        return Response(
            await asyncio.to_thread(metrics.render, with_exemplars=has_exemplars),
            media_type=OPENMETRICS_TYPE if has_exemplars else CONTENT_TYPE,
            headers={"Cache-Control": "no-store"},
        )
