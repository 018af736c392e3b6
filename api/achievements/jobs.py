"""The job of a backfill: see `api.achievements.backfill`."""

import time
from collections.abc import Callable

import structlog

from api.achievements.backfill import Backfill, Step
from api.jobs.pace import Pace
from api.jobs.queue import LeasedJob, Queue
from api.lib.clock import Clock
from api.postgres.database import PATIENT, Database
from api.postgres.partitions import Partitions, around
from api.postgres.plans import LOOK_UP

log = structlog.get_logger("guildhall.backfill")

KIND = "backfill"
MOST_ATTEMPTS = 8  # without progress


class BackfillJob:
    """Runs backfills batch by batch. After a crash, another process continues after the last batch."""

    def __init__(
        self, database: Database, queue: Queue, backfill: Backfill, partitions: Partitions, clock: Clock
    ) -> None:
        self._database = database
        self._partitions = partitions
        self._clock = clock
        self._queue = queue
        self._backfill = backfill

    async def run(self, job: LeasedJob, on_progress: Callable[[float], None]) -> None:
        """Runs the job to its end, from the position of its last transaction. Raises `LeaseLost`."""
        if job.attempts > MOST_ATTEMPTS:
            await self._give_up(job)
            return
        pace = Pace()
        while await self._step(job, pace):
            on_progress(0.0)  # nothing shows a backfill's progress here
            await pace.rest()

    async def _step(self, job: LeasedJob, pace: Pace) -> bool:
        """Runs one batch. Returns whether there are more."""
        began = time.perf_counter()
        after_commit, members = await self._partitions.write(
            around(self._clock.now()), lambda: self._award(job, pace.size)
        )
        pace.note(members, time.perf_counter() - began)
        if after_commit is not None:
            after_commit()
        return after_commit is not None

    async def _award(self, job: LeasedJob, size: int) -> Step:
        """Runs one batch in a transaction."""
        async with self._database.transaction(f"{PATIENT}; {LOOK_UP}") as connection:
            await self._queue.fence(connection, job)
            step = await self._backfill.step(connection, job.subject, size)
            if step.after_commit is None:
                await self._queue.done(connection, job)
            else:
                await self._queue.note_progress(connection, job)
        return step

    async def _give_up(self, job: LeasedJob) -> None:
        async with self._database.transaction(PATIENT) as connection:
            await self._queue.fence(connection, job)
            await self._backfill.give_up(connection, job.subject)
            await self._queue.done(connection, job)
        log.error("a backfill was given up: it made no progress in repeated tries", achievement=job.subject)
