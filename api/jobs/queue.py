"""The queue of work that outlives the process that began it: rows of `jobs`, each done by one process at a time.

Who does a job leases it for some seconds, and a heartbeat renews the lease for as long as the process lives, however
long a transaction of the job waits. A holder that falls silent has lost it: somebody else goes on where its last
transaction stood. So every transaction of a job begins with `fence`, which raises `Lost` in a process that was given
up. Why this is no package: docs/decisions/job-queue.md."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import msgspec
import structlog

from api.errors import Unavailable
from api.postgres.database import AWAY, Connection, Database

log = structlog.get_logger("guildhall.worker")

LEASE = timedelta(seconds=10)
HEARTBEAT_SECONDS = 3.0
RETRY_SECONDS = 0.5  # after a heartbeat that failed
LONGEST_WAIT = timedelta(minutes=5)

_PUT = """
    INSERT INTO jobs (kind, subject, holder, held_until) VALUES ($1, $2, $3, now() + $4::interval) RETURNING id
"""

# While the server was away nobody could renew a lease: whoever lives has as long as a lease lasts to do so. A row that
# a transaction of its job has fenced is passed over, for as long as that transaction lasts.
_TAKE = """
    UPDATE jobs SET holder = $1, held_until = now() + $2::interval, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM jobs
        WHERE run_after <= now() AND (
            holder IS NULL OR held_until < now() AND pg_postmaster_start_time() + $2::interval < now()
        )
            AND ($3::bigint IS NULL OR kind = $4 AND subject = $3) AND id <> ALL($5::bigint[])
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, subject, attempts
"""
_RENEW = "UPDATE jobs SET held_until = now() + $3::interval WHERE id = $1 AND holder = $2 RETURNING id"

# A lock that keeps others from taking the job, and no heartbeat from renewing its lease.
_FENCE = "SELECT id FROM jobs WHERE id = $1 AND holder = $2 FOR KEY SHARE"
_GOT_ON = "UPDATE jobs SET attempts = 1 WHERE id = $1 AND attempts > 1"
_RELEASE = """
    UPDATE jobs SET holder = NULL, held_until = NULL, run_after = now() + $3::interval,
        attempts = CASE WHEN $4 THEN attempts ELSE 0 END
    WHERE id = $1 AND holder = $2
"""


class Lost(Exception):
    """Somebody else holds the job by now: nothing more may be done for it here."""


class Held(msgspec.Struct, frozen=True):
    """A job that this holder has. `attempts`: how often it was begun since it last got on."""

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

    async def put(self, connection: Connection, kind: str, subject: int, *, hold: bool = False) -> Held:
        """Adds a job, in the transaction of what it is for; with `hold` it is ours from the beginning."""
        id_ = await connection.fetchval(_PUT, kind, subject, self._holder if hold else None, LEASE)
        return Held(id_, kind, subject, 1)

    async def take(self, one: Held | None = None) -> Held | None:
        """The oldest job that nobody does (this one again, if one is named), ours now; None if there is none."""
        kind, subject = (None, None) if one is None else (one.kind, one.subject)
        async with self.database.connection() as connection:
            row = await connection.fetchrow(_TAKE, self._holder, LEASE, subject, kind, list(self._begun))
        return None if row is None else Held(*row)

    @asynccontextmanager
    async def heartbeat(self, job: Held) -> AsyncIterator[None]:
        """Renews the lease for as long as the block lasts, whatever the block waits for. It ends quietly when the
        job is somebody else's: the block's next transaction finds out for itself."""
        self._begun.add(job.id)
        beating = asyncio.create_task(self._beat(job))
        try:
            yield
        finally:
            self._begun.discard(job.id)
            beating.cancel()
            await asyncio.wait({beating})

    async def _beat(self, job: Held) -> None:
        seconds = HEARTBEAT_SECONDS
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.renew(job)
                seconds = HEARTBEAT_SECONDS
            except Lost:
                return
            except (Unavailable, asyncpg.PostgresError, *AWAY) as error:
                log.debug("a lease could not be renewed", job=job.id, error=type(error).__name__)
                seconds = min(RETRY_SECONDS, HEARTBEAT_SECONDS)

    async def renew(self, job: Held) -> None:
        """Leases it for some seconds more, before all others who wait for a connection. Raises `Lost`."""
        async with self.database.connection(first=True) as connection:
            if await connection.fetchval(_RENEW, job.id, self._holder, LEASE) is None:
                raise Lost

    async def fence(self, connection: Connection, job: Held) -> None:
        """Begins a transaction that gets the job on: nobody else can until it ends. Raises `Lost`."""
        if await connection.fetchval(_FENCE, job.id, self._holder) is None:
            raise Lost

    async def got_on(self, connection: Connection, job: Held) -> None:
        """Ends such a transaction: earlier attempts no longer count. Last, because heartbeats wait from here on."""
        if job.attempts > 1:
            await connection.execute(_GOT_ON, job.id)

    async def release(self, job: Held, *, failed: bool) -> None:
        """Gives it back: to be taken at once, or, where it failed, after a while that grows."""
        wait = min(timedelta(seconds=2**job.attempts), LONGEST_WAIT) if failed else timedelta()
        async with self.database.connection() as connection:
            await connection.execute(_RELEASE, job.id, self._holder, wait, failed)

    async def done(self, connection: Connection, job: Held) -> None:
        """Takes it off, in the transaction that ends its work."""
        await connection.execute("DELETE FROM jobs WHERE id = $1", job.id)
