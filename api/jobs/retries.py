"""Retries work that others held up: locks, time-outs, a full pool, a database that restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from api.postgres.failures import RETRYABLE

log = structlog.get_logger("guildhall.worker")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds; each is twice as long as the one before
MOST_CANCELED = 8  # in a row: statements that take too long are not only others' fault

T = TypeVar("T")


class Retries:
    """The attempts at one piece of work, whose lease is renewed meanwhile."""

    def __init__(self) -> None:
        self._pause, self._canceled = FIRST_PAUSE, 0

    def note_progress(self) -> None:
        """Forgets earlier failures."""
        self._pause, self._canceled = FIRST_PAUSE, 0

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries until it succeeds. Raises errors that have other causes, and the eighth cancelled statement in a
        row."""
        while True:
            try:
                return await attempt()
            except RETRYABLE as error:
                self._canceled += isinstance(error, asyncpg.QueryCanceledError)
                if self._canceled == MOST_CANCELED:
                    raise
                log.info("work is held up and begins again", error=repr(error)[:300])
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
