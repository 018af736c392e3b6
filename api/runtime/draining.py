"""A graceful stop: first not ready, then, when a load balancer has had time to notice, the server's own shutdown."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from api.postgres.readiness import Health


@contextmanager
def drained(health: Health, seconds: float) -> Iterator[None]:
    """Runs before uvicorn's handler of SIGTERM. Outside a uvicorn process it does nothing."""
    uvicorns = signal.getsignal(signal.SIGTERM)
    server = getattr(uvicorns, "__self__", None)
    if (
        not isinstance(server, uvicorn.Server)
        or not callable(uvicorns)
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    health.server_stops = lambda: server.should_exit
    loop = asyncio.get_running_loop()

    def terminate(number: int, frame: FrameType | None) -> None:
        again, health.draining = health.draining, True
        if again or seconds == 0:
            uvicorns(number, frame)
        else:
            loop.call_soon_threadsafe(loop.call_later, seconds, uvicorns, number, None)

    signal.signal(signal.SIGTERM, terminate)
    yield
