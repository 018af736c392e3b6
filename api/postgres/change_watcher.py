"""Tells this process what any process has changed, so that caches can forget it.

The truth is a look at the tables twice a second: every row carries the transaction that last wrote it, and a look finds
those that the snapshot of the look before did not see, in whatever order they commit and however long others run. A
notification only makes the look come sooner. A new connection knows nothing of what was before it (the server may be
another one, or a backup may have been restored): it has everything forgotten, and goes on from there. Whoever caches
asks `is_fresh()`: with no look in the last second (the database is away, or this process is stalled) nothing cached may
be believed.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import asyncpg
import structlog

from api.postgres.connections import connect
from api.postgres.database import AWAY

log = structlog.get_logger("guildhall.changes")

CHANNEL = "guildhall"
INTERVAL = 0.4
CANCEL_AGAIN_SECONDS = 2.0  # longer than a task takes to put its things in order
LEAST_INTERVAL = 0.05  # many writes a second wake us at most so often

FRESH_SECONDS = 1.0
TIMEOUT = 2.0

# What changes: the kind, what it is known by, its table. Achievements of the whole installation are those of guild 0;
# of modules any stands for all.
_WATCHED = (
    ("guild", "id", "guilds"),
    ("settings", "guild_id", "guild_settings"),
    ("achievement", "coalesce(guild_id, 0)", "achievements"),
    ("key", "id", "api_keys"),
    ("session", "id", "sessions"),
    ("module", "0", "modules"),
)

_SNAPSHOT = "SELECT pg_current_snapshot()::text"

# Rows of transactions that began since the last look ($1: the next transaction then) or ran at that time ($2), and that
# are of this server's past: a restored row may bear a number that is still to come.
_LOOK = "SELECT NULL AS kind, 0::bigint AS id, 0::bigint AS xid, pg_current_snapshot()::text AS snapshot" + "".join(
    f"""
    UNION ALL SELECT '{kind}', {id_}, changed_xid, NULL FROM {table}
    WHERE changed_xid >= $1 AND changed_xid < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    UNION ALL SELECT '{kind}', {id_}, changed_xid, NULL FROM {table} WHERE changed_xid = ANY($2::bigint[])"""
    for kind, id_, table in _WATCHED
)

Forget = Callable[[str, set[int] | None], None]


class Snapshot(NamedTuple):
    """What a look saw: all transactions below `next` but those that were `running`."""

    next: int
    running: frozenset[int]

    @classmethod
    def of(cls, text: str) -> "Snapshot":
        """Of PostgreSQL's `xmin:xmax:xip,…`."""
        _, following, running = text.split(":")
        return cls(int(following), frozenset(map(int, filter(None, running.split(",")))))

    def sees(self, xid: int) -> bool:
        """Whether this transaction had ended."""
        return xid < self.next and xid not in self.running


class Changes:
    """The look-out of one process. `subscribe` before `run`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._subscribers: list[Forget] = []
        self._own: set[tuple[str, int, int]] = set()
        self._looked_at = float("-inf")
        self._woken = asyncio.Event()

    def subscribe(self, forget: Forget) -> None:
        """`forget(kind, ids)` is called for what changed: `guild`, `settings` and `achievement` (of a guild), `key`,
        `session` or `module`; None stands for all of them."""
        self._subscribers.append(forget)

    def is_fresh(self, within: float = FRESH_SECONDS) -> bool:
        """Whether everything committed up to `within` seconds ago has been told."""
        return self.age() < within

    def age(self) -> float:
        """Seconds since the last look."""
        return self._monotonic() - self._looked_at

    async def run(self, arguments: Mapping[str, Any]) -> None:  # Any: asyncpg's own keyword arguments
        """Looks for ever; connects again when the connection is lost."""
        while True:
            try:
                await self._look_while_connected(arguments)
            except (*AWAY, TimeoutError, asyncpg.PostgresError) as error:
                log.warning("look-out lost its connection", error=type(error).__name__)
            except Exception:
                log.exception("look-out failed")
            await asyncio.sleep(0.25)

    async def _look_while_connected(self, arguments: Mapping[str, Any]) -> None:  # Any: the same
        async with asyncio.timeout(TIMEOUT):
            connection = await connect(**arguments)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            snapshot = Snapshot.of(await connection.fetchval(_SNAPSHOT, timeout=TIMEOUT))
            for kind, *_ in _WATCHED:
                self.tell(kind, None)
            while True:
                self._woken.clear()
                started = self._monotonic()
                rows = await connection.fetch(_LOOK, snapshot.next, list(snapshot.running), timeout=TIMEOUT)
                snapshot = Snapshot.of(rows[0]["snapshot"])
                self._note(rows[1:], snapshot)
                self._looked_at = started
                await asyncio.sleep(LEAST_INTERVAL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await self._woken.wait()
        finally:
            connection.terminate()

    def tell(self, kind: str, ids: set[int] | None, xid: int | None = None) -> None:
        """Has this process forget at once: call it after a commit of its own. With the transaction's
        `xid` the next look passes over that change: what is remembered anew stays."""
        if xid is not None and ids is not None:
            self._own |= {(kind, id_, xid) for id_ in ids}
        for forget in self._subscribers:
            forget(kind, ids)

    def _note(self, rows: Iterable[asyncpg.Record], snapshot: Snapshot) -> None:
        changed: dict[str, set[int]] = {}
        for kind, id_, xid, _ in rows:
            if (kind, id_, xid) not in self._own:
                changed.setdefault(kind, set()).add(id_)
        self._own = {own for own in self._own if not snapshot.sees(own[2])}
        for kind, ids in changed.items():
            self.tell(kind, ids)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancels a background task and waits until it has ended. Once is not always enough: a cancellation that comes
    in the same turn of the loop as what the task waits for can be lost in a library, and the task goes on."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        await task
