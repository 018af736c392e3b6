"""The job queue: rows of `jobs`, each done by one process at a time, and continued by another if that one dies.

A process leases a job for ten seconds. A heartbeat renews the lease while the process lives, however long a transaction
of the job waits. When the lease runs out, another process takes the job, and continues at the position of its last
transaction. So every transaction of a job begins with `fence`, which raises `LeaseLost` in the process that lost the
lease. Why Guildhall has a queue of its own: docs/decisions/job-queue.md."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import structlog
from piccolo.columns import And, Column
from piccolo.querystring import QueryString

from api.jobs import queries
from api.postgres.database import Connection, Database
from api.postgres.failures import TRANSIENT
from tables.jobs import Job
from tables.sql import DEFAULT

log = structlog.get_logger("guildhall.worker")

LEASE = timedelta(seconds=10)
HEARTBEAT_SECONDS = 3.0
RETRY_SECONDS = 0.5  # after a heartbeat that failed
LONGEST_WAIT = timedelta(minutes=5)


class LeaseLost(Exception):
    """Another process has leased the job: this one must do nothing more for it."""


class LeasedJob(msgspec.Struct, frozen=True):
    """A job that this process has leased. `attempts`: how often it was begun since its last progress."""

    id: int
    kind: str
    subject: int
    attempts: int


class Queue:
    """The queue as one holder sees it: a process, or a command that does its own job."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._holder = secrets.token_hex(16)
        self._begun: set[int] = set()  # jobs: a lease that ran out is no reason to begin one a second time here

    async def put(self, connection: Connection, kind: str, subject: int, *, leased: bool = False) -> LeasedJob:
        """Adds a job, in the transaction of the change that needs it. `leased`: this process has it at once."""
        job = Job(
            kind=kind,
            subject=subject,
            holder=self._holder if leased else None,
            held_until=_from_now(LEASE),
            run_after=DEFAULT,
            created_at=DEFAULT,
        )
        [row] = await Job.insert(job).returning(Job.id)
        return LeasedJob(row["id"], kind, subject, 1)

    async def lease(self, one: LeasedJob | None = None) -> LeasedJob | None:
        """Leases the oldest free job, or this one again if it is free. None if there is none."""
        kind, subject = (None, None) if one is None else (one.kind, one.subject)
        async with self.database.connection() as connection:
            row = await connection.fetchrow(queries.LEASE_NEXT, self._holder, LEASE, subject, kind, list(self._begun))
        return None if row is None else LeasedJob(*row)

    @asynccontextmanager
    async def heartbeat(self, job: LeasedJob) -> AsyncIterator[None]:
        """Renews the lease while the block runs. If the lease is lost, renewing stops without an error: the block's
        next transaction raises `LeaseLost`."""
        self._begun.add(job.id)
        renewing = asyncio.create_task(self._heartbeat(job))
        try:
            yield
        finally:
            self._begun.discard(job.id)
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _heartbeat(self, job: LeasedJob) -> None:
        seconds = HEARTBEAT_SECONDS
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.renew(job)
                seconds = HEARTBEAT_SECONDS
            except LeaseLost:
                return
            except TRANSIENT as error:
                log.debug("a lease could not be renewed", job=job.id, error=type(error).__name__)
                seconds = min(RETRY_SECONDS, HEARTBEAT_SECONDS)

    async def renew(self, job: LeasedJob) -> None:
        """Renews the lease, with priority for a connection. Raises `LeaseLost`."""
        async with self.database.connection(first=True) as connection:
            if await connection.fetchval(queries.RENEW, job.id, self._holder, LEASE) is None:
                raise LeaseLost

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
        values: dict[Column | str, object] = {Job.holder: None, Job.held_until: None, Job.run_after: _from_now(wait)}
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
