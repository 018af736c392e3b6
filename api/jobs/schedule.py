"""The schedule: jobs that repeat at intervals."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from api.errors import Unavailable

log = structlog.get_logger("guildhall.jobs")

TICK_SECONDS = 1.0
RETRY_SECONDS = 60.0


class Scheduled(msgspec.Struct):
    """A job, and the seconds between two of its runs. `due`: by the monotonic clock; at first at once."""

    name: str
    every: float
    run: Callable[[], Awaitable[object]]
    due: float = 0.0


async def run_due(jobs: Sequence[Scheduled], now: float) -> None:
    """Runs the jobs that are due, one after the other. A job that fails is logged by its name and repeated after a
    minute; those behind it still run."""
    for job in jobs:
        if job.due > now:
            continue
        job.due = now + job.every
        try:
            await job.run()
        except Unavailable as error:
            log.warning("a job waits for the database", job=job.name, type=error.type)
        except Exception:
            log.exception("a job failed, and will be tried again", job=job.name)
        else:
            continue
        job.due = now + min(job.every, RETRY_SECONDS)


async def run_for_ever(jobs: Sequence[Scheduled]) -> None:
    """Runs jobs whenever they are due."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        await run_due(jobs, time.monotonic())


def to_the_end(sweep: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """A function that calls `sweep`, one batch at a time, until nothing is left."""

    async def run() -> None:
        while await sweep():  # noqa: ASYNC110 - others run between two batches
            await asyncio.sleep(0)

    return run
