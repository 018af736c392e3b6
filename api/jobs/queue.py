"""The job queue: rows of `jobs`, each done by one process at a time, and continued by another if that one dies.

A process holds a job by a lease (`api.jobs.leases`). Another process that takes the job continues at the position of
its last transaction. So every transaction of a job begins with `fence`, which raises `LeaseLost` in the process that
lost the lease. Why Guildhall has a queue of its own: docs/decisions/job-queue.md."""

import asyncio
import secrets
from datetime import timedelta

import msgspec
from piccolo.columns import And, Column
from piccolo.querystring import QueryString

from api.jobs import queries
from api.jobs.leases import LEASED_UNTIL, LeaseLost, Leases
from api.postgres.database import Connection, Database
from tables.jobs import Job
from tables.sql import DEFAULT

LONGEST_WAIT = timedelta(minutes=5)


class LeasedJob(msgspec.Struct, frozen=True):
    """A job that this process has leased. `attempts`: how often it was begun since its last progress."""

    id: int
    kind: str
    subject: int
    attempts: int


class Queue:
    """The queue as one holder sees it: a process, or a command that does its own job."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = secrets.token_hex(16)
        self.leases = Leases(database, "jobs", self._holder)
        self.woken = asyncio.Event()

    def wake(self) -> None:
        """Makes this process look for a job at once. Others look once a second."""
        self.woken.set()

    async def put(self, connection: Connection, kind: str, subject: int, *, leased: bool = False) -> LeasedJob:
        """Adds a job, in the transaction of the change that needs it. `leased`: this process has its lease from the
        start."""
        job = Job(
            kind=kind,
            subject=subject,
            holder=self._holder if leased else None,
            leased_until=QueryString(LEASED_UNTIL),
            run_after=DEFAULT,
            created_at=DEFAULT,
        )
        [row] = await Job.insert(job).returning(Job.id)
        return LeasedJob(row["id"], kind, subject, 1)

    async def lease(self, *, limit: int = 1, only: LeasedJob | None = None) -> list[LeasedJob]:
        """Leases the oldest free jobs. `only`: this job again, if it is free."""
        kind, subject = (None, None) if only is None else (only.kind, only.subject)
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.LEASE, self._holder, subject, kind, list(self.leases.held), limit)
        return [LeasedJob(*row) for row in rows]

    async def fence(self, connection: Connection, job: LeasedJob) -> None:
        """Locks the job for this transaction: no other process can lease it until then. Raises `LeaseLost`."""
        # KEY SHARE: other processes cannot lease the job, and the heartbeat can still renew the lease.
        if await Job.select(Job.id).where(self._is_ours(job)).lock_rows("KEY SHARE").first() is None:
            raise LeaseLost

    async def note_progress(self, connection: Connection, job: LeasedJob) -> None:
        """Forgets earlier attempts. The last statement of a transaction, because heartbeats wait from here on."""
        if job.attempts > 1:
            await Job.update({Job.attempts: 1}).where(Job.id == job.id, Job.attempts > 1)

    async def release(self, job: LeasedJob, *, failed: bool) -> None:
        """Ends the lease. The job can be leased again at once, or after a growing delay if it `failed`."""
        wait = min(timedelta(seconds=2**job.attempts), LONGEST_WAIT) if failed else timedelta()
        values: dict[Column | str, object] = {Job.holder: None, Job.leased_until: None, Job.run_after: _from_now(wait)}
        if not failed:
            values[Job.attempts] = 0
        await Job.update(values).where(self._is_ours(job))

    async def done(self, connection: Connection, job: LeasedJob) -> None:
        """Removes the job, in the transaction that ends its work."""
        await Job.delete().where(Job.id == job.id)

    def _is_ours(self, job: LeasedJob) -> And:
        return (Job.id == job.id) & (Job.holder == self._holder)


def _from_now(duration: timedelta) -> QueryString:
    """By the clock of the database, which all holders share."""
    return QueryString("now() + {}::interval", duration)
