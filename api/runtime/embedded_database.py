"""Keeps the embedded PostgreSQL running while a server runs."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from api.config import Settings
from api.postgres.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from api.postgres.embedded.watchdog import Watchdog
from api.runtime.logs import configure

log = structlog.get_logger("guildhall.database")


@contextmanager
def kept_running(embedded: EmbeddedPostgres | None, settings: Settings) -> Iterator[None]:
    """Restarts the embedded PostgreSQL if it ends. Only this process does so, even with several workers. If a restart
    fails, it ends this process as SIGTERM would, and raises `EmbeddedPostgresError` at the end of the block. It does
    nothing for a server that is not ours (None)."""
    if embedded is None:
        yield
        return
    configure(settings.log_level, console=settings.console_log)
    failures: list[EmbeddedPostgresError] = []

    def restarted(seconds: float) -> None:
        log.warning("the embedded PostgreSQL had stopped and was restarted", seconds=round(seconds, 2))

    def gave_up(error: EmbeddedPostgresError) -> None:
        failures.append(error)
        log.error("the embedded PostgreSQL stopped and cannot be restarted: the server stops", error=str(error))
        os.kill(os.getpid(), signal.SIGTERM)

    watchdog = Watchdog(embedded, restarted=restarted, gave_up=gave_up)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()
    if failures:
        raise failures[0]
