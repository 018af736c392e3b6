"""Runs the jobs of the queue, of any kind."""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Protocol

from api.jobs.queue import LeasedJob, Queue
from api.jobs.retries import Retries
from api.jobs.worker import Begun
from api.lib import tracing
from api.lib.shares import Shares

POLL_SECONDS = 1.0


class JobHandler(Protocol):
    """Does jobs of one kind."""

    async def run(self, job: LeasedJob, on_progress: Callable[[float], None]) -> None:
        """Does the job to its end, from the position of its last transaction; if it raises, the job is tried again.
        Calls `on_progress` with its progress, 0 to 1. Raises `LeaseLost` if another process has the job by now."""
        ...


class JobRunner:
    """The queue as a worker's source."""

    places = 2  # a short job does not wait for a long one's end
    poll_seconds = POLL_SECONDS

    def __init__(self, queue: Queue, handlers: Mapping[str, JobHandler]) -> None:
        """`handlers`: the handler of each kind."""
        self._queue = queue
        self._handlers = handlers
        self.woken: asyncio.Event = queue.woken

    async def lease(self, places: Shares[Hashable]) -> Sequence[Begun]:
        """Leases as many jobs as there are free places."""
        return [Begun((), self.do(job)) for job in await self._queue.lease(limit=places.free)]

    async def do(self, job: LeasedJob, on_progress: Callable[[float], None] = lambda _progress: None) -> None:
        """Runs one job, and keeps it while locks, time-outs or the database's absence hold it up. After any other
        failure the job is released, and tried again later. Calls `on_progress` with its progress, 0 to 1."""
        retries = Retries()

        def note_progress(progress: float) -> None:
            retries.note_progress()
            on_progress(progress)

        async def run() -> None:
            with tracing.job(job.kind):
                await self._handlers[job.kind].run(job, note_progress)

        await self._queue.leases.work(job.id, partial(retries.run, run), partial(self._queue.release, job))
