"""Tells this process what any process has changed, so that caches can forget it.

The truth is a look at the tables twice a second: every row carries the transaction that
last wrote it, and `changed_xid >= the oldest transaction that ran at my last look` finds
each change, in whatever order the transactions committed. A notification only makes the
look come sooner. Whoever caches asks `is_fresh()`: with no look in the last second (the
database is away, or this process is stalled) nothing cached may be believed.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog

from api.database import AWAY
from api.postgres.connections import connect

log = structlog.get_logger("guildhall.changes")

CHANNEL = "guildhall"
INTERVAL = 0.4
CANCEL_AGAIN_SECONDS = 2.0  # longer than a task takes to put its things in order
LEAST_INTERVAL = 0.05  # many writes a second wake us at most so often

# The first look goes back by so many transactions, for what was cached before it.
LEEWAY = 100_000
FRESH_SECONDS = 1.0
TIMEOUT = 2.0

# What changed, and which: a guild, a guild's settings, a guild's achievements (0: every guild's), a key, a person's
# session; for modules any.
_LOOK = """
    SELECT 'horizon' AS kind, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS id, 0::bigint AS xid
    UNION ALL SELECT 'guild', id, changed_xid FROM guilds WHERE changed_xid >= $1
    UNION ALL SELECT 'settings', guild_id, changed_xid FROM guild_settings WHERE changed_xid >= $1
    UNION ALL SELECT 'achievement', coalesce(guild_id, 0), changed_xid FROM achievements WHERE changed_xid >= $1
    UNION ALL SELECT 'key', id, changed_xid FROM api_keys WHERE changed_xid >= $1
    UNION ALL SELECT 'session', id, changed_xid FROM sessions WHERE changed_xid >= $1
    UNION ALL SELECT 'module', 0, changed_xid FROM modules WHERE changed_xid >= $1
"""
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

Forget = Callable[[str, set[int]], None]


class Changes:
    """The look-out of one process. `subscribe` before `run`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._subscribers: list[Forget] = []
        self._horizon: int | None = None
        self._seen: set[tuple[str, int, int]] = set()
        self._looked_at = float("-inf")
        self._woken = asyncio.Event()

    def subscribe(self, forget: Forget) -> None:
        """`forget(kind, ids)` is called for what changed: `guild`, `settings` and `achievement` (of a guild), `key`,
        `session` or `module`."""
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
            if self._horizon is None:
                self._horizon = int(await connection.fetchval(_HORIZON, timeout=TIMEOUT)) - LEEWAY
            while True:
                self._woken.clear()
                started = self._monotonic()
                rows = await connection.fetch(_LOOK, self._horizon, timeout=TIMEOUT)
                self._note(rows)
                self._looked_at = started
                await asyncio.sleep(LEAST_INTERVAL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await self._woken.wait()
        finally:
            connection.terminate()

    def tell(self, kind: str, ids: set[int], xid: int | None = None) -> None:
        """Has this process forget at once: call it after a commit of its own. With the transaction's
        `xid` the next look passes over that change: what is remembered anew stays."""
        if xid is not None:
            self._seen |= {(kind, id_, xid) for id_ in ids}
        for forget in self._subscribers:
            forget(kind, ids)

    def _note(self, rows: list[asyncpg.Record]) -> None:
        changed: dict[str, set[int]] = {}
        for kind, id_, xid in rows:
            if kind == "horizon":
                self._horizon = id_
            elif (kind, id_, xid) not in self._seen:
                self._seen.add((kind, id_, xid))
                changed.setdefault(kind, set()).add(id_)
        # A long transaction holds the horizon back; what was told once need not be told again.
        horizon = self._horizon or 0
        self._seen = {seen for seen in self._seen if seen[2] >= horizon}
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
