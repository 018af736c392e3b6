"""The queue of work that outlives the process that began it: rows of `jobs`, each done by one process at a time.

Who does a job holds it for some seconds, and again and again for some more. A holder that falls silent has lost
it: somebody else goes on where its last transaction stood. So every transaction of a job begins with `renew`,
which raises `Lost` in a process that was given up. Why this is no package: docs/decisions/job-queue.md."""

import secrets
from datetime import timedelta

import msgspec

from api.postgres.database import Connection, Database

HELD = timedelta(seconds=10)
BEAT_SECONDS = 3.0
LONGEST_WAIT = timedelta(minutes=5)

_PUT = """
    INSERT INTO jobs (kind, subject, holder, held_until) VALUES ($1, $2, $3, now() + $4::interval) RETURNING id
"""
_TAKE = """
    UPDATE jobs SET holder = $1, held_until = now() + $2::interval, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM jobs
        WHERE run_after <= now() AND (holder IS NULL OR held_until < now())
            AND ($3::bigint IS NULL OR kind = $4 AND subject = $3)
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, subject, attempts
"""
_BEAT = "UPDATE jobs SET held_until = now() + $3::interval WHERE id = $1 AND holder = $2 RETURNING id"
_RENEW = "UPDATE jobs SET held_until = now() + $3::interval, attempts = 1 WHERE id = $1 AND holder = $2 RETURNING id"
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

    async def put(self, connection: Connection, kind: str, subject: int, *, hold: bool = False) -> Held:
        """Adds a job, in the transaction of what it is for; with `hold` it is ours from the beginning."""
        id_ = await connection.fetchval(_PUT, kind, subject, self._holder if hold else None, HELD)
        return Held(id_, kind, subject, 1)

    async def take(self, one: Held | None = None) -> Held | None:
        """The oldest job that nobody does (this one again, if one is named), ours now; None if there is none."""
        kind, subject = (None, None) if one is None else (one.kind, one.subject)
        async with self.database.connection() as connection:
            row = await connection.fetchrow(_TAKE, self._holder, HELD, subject, kind)
        return None if row is None else Held(*row)

    async def beat(self, job: Held) -> None:
        """Holds it for some seconds more. Raises `Lost`."""
        async with self.database.connection() as connection:
            if await connection.fetchval(_BEAT, job.id, self._holder, HELD) is None:
                raise Lost

    async def renew(self, connection: Connection, job: Held) -> None:
        """The same within a transaction that gets the job on: nobody else can until it ends. Raises `Lost`."""
        if await connection.fetchval(_RENEW, job.id, self._holder, HELD) is None:
            raise Lost

    async def release(self, job: Held, *, failed: bool) -> None:
        """Gives it back: to be taken at once, or, where it failed, after a while that grows."""
        wait = min(timedelta(seconds=2**job.attempts), LONGEST_WAIT) if failed else timedelta()
        async with self.database.connection() as connection:
            await connection.execute(_RELEASE, job.id, self._holder, wait, failed)

    async def done(self, connection: Connection, job: Held) -> None:
        """Takes it off, in the transaction that ends its work."""
        await connection.execute("DELETE FROM jobs WHERE id = $1", job.id)
