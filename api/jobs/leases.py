"""Leases: which process works on a row. Nobody else works on it, and another process can take over if that one dies.

A table of such rows has an `id`, a `holder` and `leased_until`. A process leases a row for ten seconds. A heartbeat
renews the lease while the process lives, however long a transaction of its work waits. When the lease runs out, another
process takes the row."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from api.postgres.database import Database
from api.postgres.failures import TRANSIENT

log = structlog.get_logger("guildhall.worker")

LEASE_SECONDS = 10
HEARTBEAT_SECONDS = 3.0
RETRY_SECONDS = 0.5  # after a heartbeat that failed
RELEASE_SECONDS = 2.0

# For the statements that lease rows. After a restart of the server, no lease counts as expired for one lease time:
# nobody could renew it meanwhile.
_LEASE = f"interval '{LEASE_SECONDS} s'"
LEASED_UNTIL = f"now() + {_LEASE}"
IS_FREE = f"(holder IS NULL OR leased_until < now() AND pg_postmaster_start_time() + {_LEASE} < now())"


class LeaseLost(Exception):
    """Another process has leased the row: this one must do nothing more for it."""


class Release(Protocol):
    def __call__(self, *, failed: bool) -> Awaitable[None]:
        """Ends the lease. `failed`: nobody should take the row again at once."""
        ...


class Leases:
    """The leases of one holder on the rows of one table."""

    def __init__(self, database: Database, table: str, holder: str | bytes) -> None:
        self._database = database
        self._table = table
        self._renew = f"UPDATE {table} SET leased_until = {LEASED_UNTIL} WHERE id = $1 AND holder = $2 RETURNING id"
        self.holder = holder
        self.held = set[int]()  # leased rows: if a lease runs out, this process must not take the row a second time

    async def work(self, id_: int, do: Callable[[], Awaitable[None]], release: Release) -> None:
        """Does the work on a row that is leased, and renews the lease meanwhile. If the work is cancelled or fails, the
        lease is released. A failure is logged, not raised."""
        try:
            async with self.heartbeat(id_):
                await do()
        except LeaseLost:
            log.warning("a lease was lost", table=self._table, id=id_)
        except asyncio.CancelledError:
            await _try(release(failed=False))
            raise
        except TRANSIENT as error:
            log.warning("work failed and will be tried again", table=self._table, id=id_, error=repr(error)[:300])
            await _try(release(failed=True))
        except Exception:
            log.exception("work failed and will be tried again", table=self._table, id=id_)
            await _try(release(failed=True))

    @asynccontextmanager
    async def heartbeat(self, id_: int) -> AsyncIterator[None]:
        """Renews the lease while the block runs. If the lease is lost, renewing stops without an error: the block finds
        out when it next asks the database."""
        self.held.add(id_)
        renewing = asyncio.create_task(self._heartbeat(id_))
        try:
            yield
        finally:
            self.held.discard(id_)
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _heartbeat(self, id_: int) -> None:
        seconds = HEARTBEAT_SECONDS
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.renew(id_)
                seconds = HEARTBEAT_SECONDS
            except LeaseLost:
                return
            except TRANSIENT as error:
                log.debug("a lease could not be renewed", table=self._table, id=id_, error=type(error).__name__)
                seconds = min(RETRY_SECONDS, HEARTBEAT_SECONDS)

    async def renew(self, id_: int) -> None:
        """Renews the lease, with priority for a connection. Raises `LeaseLost`."""
        async with self._database.connection(first=True) as connection:
            if await connection.fetchval(self._renew, id_, self.holder) is None:
                raise LeaseLost


async def _try(release: Awaitable[None]) -> None:
    """If the release fails too, the row stays leased for some seconds, and is then free."""
    with suppress(*TRANSIENT):
        async with asyncio.timeout(RELEASE_SECONDS):
            await release
