"""Takes jobs off the queue and does them, in the server or in `guildhall worker`."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

import asyncpg
import structlog

from api.imports.runner import Runner
from api.jobs.queue import LeasedJob, LeaseLost, Queue
from api.postgres.failures import RETRYABLE, TRANSIENT

log = structlog.get_logger("guildhall.worker")

IMPORT = "import"

CONCURRENCY = 2  # jobs of one process: a short one does not wait for a long one's end
POLL_SECONDS = 1.0
SWEEP_SECONDS = 600

# A job that failed for what others do is begun again by who has it, after a pause that doubles.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds
MOST_CANCELED = 8  # in a row: statements that take too long are not only others' fault


class JobHandler(Protocol):
    """Does jobs of one kind."""

    async def run(self, job: LeasedJob, on_progress: Callable[[float], None]) -> None:
        """Does the job to its end, from the position of its last transaction; if it raises, the job is tried again.
        Calls `on_progress` with its progress, 0 to 1. Raises `LeaseLost` if another process has the job by now."""
        ...


class Worker:
    def __init__(self, queue: Queue, runner: Runner, others: Mapping[str, JobHandler], woken: asyncio.Event) -> None:
        """`others`: who does the jobs that are no imports, by their kind. `woken`: set when there is a job."""
        self._queue = queue
        self._runner = runner
        self._handlers = {IMPORT: runner, **others}
        self._woken = woken
        self._swept_at = float("-inf")

    def wake(self) -> None:
        """Has it look for a job at once; others look once a second."""
        self._woken.set()

    async def run(self) -> None:
        """Does jobs for ever. Cancelled, it gives back what it holds."""
        async with asyncio.TaskGroup() as group:
            for place in range(CONCURRENCY):
                group.create_task(self._work(sweeps=place == 0))

    async def _work(self, *, sweeps: bool) -> None:
        while True:
            self._woken.clear()
            try:
                job = await self._queue.lease()
                if job is not None:
                    await self.do(job)
                    continue
                if sweeps and time.monotonic() - self._swept_at > SWEEP_SECONDS:
                    self._swept_at = time.monotonic()
                    await self._runner.sweep_strays()
            except TRANSIENT as error:
                log.debug("no job for now", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def do(self, job: LeasedJob, on_progress: Callable[[float], None] = lambda _progress: None) -> None:
        """Does one job, and keeps it though locks, time-outs or the database's absence hold it up. What fails
        otherwise is given back, and tried again after a while. `on_progress` hears of its progress."""
        try:
            async with self._queue.heartbeat(job):
                await self._run(job, on_progress)
        except LeaseLost:
            log.warning("a job was taken over", job=job.id)
        except asyncio.CancelledError:
            await self._release(job, failed=False)
            raise
        except TRANSIENT as error:
            log.warning("a job failed and will be tried again", job=job.id, error=repr(error)[:300])
            await self._release(job, failed=True)
        except Exception:
            log.exception("a job failed and will be tried again", job=job.id)
            await self._release(job, failed=True)

    async def _run(self, job: LeasedJob, on_progress: Callable[[float], None]) -> None:
        pause, canceled = FIRST_PAUSE, 0

        def note_progress(progress: float) -> None:
            nonlocal pause, canceled
            pause, canceled = FIRST_PAUSE, 0
            on_progress(progress)

        while True:
            try:
                return await self._handlers[job.kind].run(job, note_progress)
            except RETRYABLE as error:
                canceled += isinstance(error, asyncpg.QueryCanceledError)
                if canceled == MOST_CANCELED:
                    raise
                log.info("a job is held up and begins again", job=job.id, error=repr(error)[:300])
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _release(self, job: LeasedJob, *, failed: bool) -> None:
        """If even that fails, it is ours for some seconds, and then anybody's."""
        with suppress(*TRANSIENT):
            async with asyncio.timeout(2):
                await self._queue.release(job, failed=failed)
