"""The change watcher: invalidates this process's caches after a change by any process.

It polls the watched tables at least every 0.45 s. Each row has the number of the transaction that last wrote it. A poll
finds the rows whose transaction the snapshot of the last poll did not see; the order of commits and the length of other
transactions do not matter. A notification only makes the next poll come sooner. A new connection invalidates
everything, because the server may be another one, or may have been restored from a backup. A cache asks `is_fresh()`
before it answers: without a poll in the last second (the database is away, or this process is stalled) no cached value
is valid.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import asyncpg
import structlog

from api.postgres.connections import connect
from api.postgres.failures import TRANSIENT

log = structlog.get_logger("guildhall.changes")

CHANNEL = "guildhall"
INTERVAL = 0.4
CANCEL_AGAIN_SECONDS = 2.0  # longer than a task takes to clean up
LEAST_INTERVAL = 0.05  # a busy database wakes us no more often

FRESH_SECONDS = 1.0
TIMEOUT = 2.0

# Kind, id, table. The id 0 of achievements: those of the whole installation. Modules have one id for all.
_WATCHED = (
    ("guild", "id", "guilds"),
    ("settings", "guild_id", "guild_settings"),
    ("achievement", "coalesce(guild_id, 0)", "achievements"),
    ("key", "id", "api_keys"),
    ("session", "id", "sessions"),
    ("module", "0", "modules"),
)

_SNAPSHOT = "SELECT pg_current_snapshot()::text"

# Another start is another server, or the same one after a crash.
_SERVER = "SELECT pg_postmaster_start_time()::text || coalesce(host(inet_server_addr()), '')"

# Rows of transactions that began after the last poll ($1: its next transaction) or ran during it ($2). The upper bound
# skips restored rows, whose transaction number may lie in this server's future.
_POLL = "SELECT NULL AS kind, 0::bigint AS id, 0::bigint AS xid, pg_current_snapshot()::text AS snapshot" + "".join(
    f"""
    UNION ALL SELECT '{kind}', {id_}, changed_xid, NULL FROM {table}
    WHERE changed_xid >= $1 AND changed_xid < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    UNION ALL SELECT '{kind}', {id_}, changed_xid, NULL FROM {table} WHERE changed_xid = ANY($2::bigint[])"""
    for kind, id_, table in _WATCHED
)

Invalidate = Callable[[str, set[int] | None], None]


class Snapshot(NamedTuple):
    """The transactions that a poll saw: all below `next`, except those that were `running`."""

    next: int
    running: frozenset[int]

    @classmethod
    def of(cls, text: str) -> "Snapshot":
        """From PostgreSQL's text form, `xmin:xmax:xip,…`."""
        _, following, running = text.split(":")
        return cls(int(following), frozenset(map(int, filter(None, running.split(",")))))

    def sees(self, xid: int) -> bool:
        """Whether this transaction had ended by then."""
        return xid < self.next and xid not in self.running


class ChangeWatcher:
    """One process's change watcher. `subscribe` before `run`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._subscribers: list[Invalidate] = []
        self._own: set[tuple[str, int, int]] = set()
        self._polled_at = float("-inf")
        self._woken = asyncio.Event()
        self._server: str | None = None
        self._renewing: list[Callable[[], Awaitable[None]]] = []

    def subscribe(self, invalidate: Invalidate) -> None:
        """Calls `invalidate(kind, ids)` for each change. `kind`: `guild`, `settings` or `achievement` (with ids of
        guilds), `key`, `session` or `module`. `ids` None: all of the kind."""
        self._subscribers.append(invalidate)

    def on_new_server(self, renew: Callable[[], Awaitable[None]]) -> None:
        """Calls `renew` when the watcher connects to another server than before: connections to the old one may be
        open, answer with old rows, or never answer."""
        self._renewing.append(renew)

    def is_fresh(self, within: float = FRESH_SECONDS) -> bool:
        """Whether every commit older than `within` seconds has been noticed."""
        return self.age() < within

    def age(self) -> float:
        """Seconds since the last poll began."""
        return self._monotonic() - self._polled_at

    async def run(self, arguments: Mapping[str, Any]) -> None:  # Any: asyncpg's own keyword arguments
        """Polls for ever; connects again when the connection is lost."""
        while True:
            try:
                await self._poll_while_connected(arguments)
            except TRANSIENT as error:
                log.warning("change watcher lost its connection", error=type(error).__name__)
            except Exception:
                log.exception("change watcher failed")
            await asyncio.sleep(0.25)

    async def _poll_while_connected(self, arguments: Mapping[str, Any]) -> None:  # Any: the same
        async with asyncio.timeout(TIMEOUT):
            connection = await connect(**arguments)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            await self._compare_server(await connection.fetchval(_SERVER, timeout=TIMEOUT))
            snapshot = Snapshot.of(await connection.fetchval(_SNAPSHOT, timeout=TIMEOUT))
            for kind, *_ in _WATCHED:
                self.invalidate(kind, None)
            while True:
                self._woken.clear()
                started = self._monotonic()
                rows = await connection.fetch(_POLL, snapshot.next, list(snapshot.running), timeout=TIMEOUT)
                snapshot = Snapshot.of(rows[0]["snapshot"])
                self._note(rows[1:], snapshot)
                self._polled_at = started
                await asyncio.sleep(LEAST_INTERVAL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await self._woken.wait()
        finally:
            connection.terminate()

    async def _compare_server(self, server: str) -> None:
        before, self._server = self._server, server
        if before not in (None, server):
            log.info("the database is another server than before")
            for renew in self._renewing:
                await renew()

    def invalidate(self, kind: str, ids: set[int] | None, xid: int | None = None) -> None:
        """Invalidates this process's caches at once; call it after a commit of this process. With the transaction's
        `xid`, the next poll ignores that change, so values cached since then stay."""
        if xid is not None and ids is not None:
            self._own |= {(kind, id_, xid) for id_ in ids}
        for invalidate in self._subscribers:
            invalidate(kind, ids)

    def _note(self, rows: Iterable[asyncpg.Record], snapshot: Snapshot) -> None:
        changed: dict[str, set[int]] = {}
        for kind, id_, xid, _ in rows:
            if (kind, id_, xid) not in self._own:
                changed.setdefault(kind, set()).add(id_)
        self._own = {own for own in self._own if not snapshot.sees(own[2])}
        for kind, ids in changed.items():
            self.invalidate(kind, ids)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancels a background task and waits until it has ended. Once is not always enough: a cancellation that comes
    in the same turn of the loop as what the task waits for can be lost in a library, and the task goes on."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        await task
