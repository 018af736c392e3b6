"""Sends what members did a batch at a time, and keeps it while the server is away.

Every event has an id, and counts once however often it is sent: so whatever may not have arrived is sent again.
What is kept is bounded; when it is full the oldest events go, which would be too old first."""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeVar
from uuid import uuid4

from guildhall_client.client import Guildhall
from guildhall_client.errors import Problem, Unreachable
from guildhall_client.models import Activity
from guildhall_client.requests import Id
from guildhall_client.spool import Event, Spool

log = logging.getLogger("guildhall_client")

T = TypeVar("T")
Answered = Callable[[str, Activity], Awaitable[None]]

# What sending again does not mend, and what is only for now: a key that was revoked may be put right.
_HOPELESS = frozenset({400, 404, 413, 415, 422})
LONGEST_WAIT = 30.0

_event = re.compile(r"/events/(\d+)").match


class Batcher:
    """Collects events by guild; sends them every second, or as soon as 500 of a guild have come."""

    def __init__(
        self,
        guildhall: Guildhall,
        answered: Answered | None = None,
        *,
        every: float = 1.0,
        at_once: int = 500,
        most: int = 100_000,
        spool: Spool | None = None,
    ) -> None:
        """`answered` is called with each answer and its guild: level-ups to announce, roles to give. `most`: how many
        events are kept at all. `spool` keeps them beyond the end of this process: `FileSpool`."""
        self._guildhall = guildhall
        self._answered = answered
        self._every = every
        self._at_once = at_once
        self._most = most
        self._spool = spool
        self._waiting: dict[str, deque[Event]] = {}
        self._count = 0
        self._full = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._flushing = 0
        self.dropped = 0

    async def __aenter__(self) -> "Batcher":
        for guild_id, event in [] if self._spool is None else self._spool.load():
            self._queue(guild_id, event)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __len__(self) -> int:
        """How many events wait."""
        return self._count

    def add(self, guild_id: Id, type: str, user_id: Id, *, id: Id | None = None, **more: object) -> None:  # noqa: A002 - as the API names them
        """One event, of now unless `occurred_at` says otherwise. `id` makes it count once: a message's own, for
        instance. Never waits."""
        event = {
            "id": str(id) if id is not None else uuid4().hex,
            "type": type,
            "user_id": str(user_id),
            "occurred_at": datetime.now(UTC),
            **more,
        }
        if self._spool is not None:
            self._keep(self._spool.add, str(guild_id), event)
        self._queue(str(guild_id), event)

    def _queue(self, guild_id: str, event: Event) -> None:
        if self._count >= self._most:
            self._drop_oldest()
        queue = self._waiting.setdefault(guild_id, deque())
        queue.append(event)
        self._count += 1
        self._idle.clear()
        if len(queue) >= self._at_once:
            self._full.set()

    async def flush(self) -> None:
        """Returns when everything that was added is sent."""
        self._flushing += 1
        self._full.set()
        try:
            await self._idle.wait()
        finally:
            self._flushing -= 1

    async def close(self, timeout: float = 10.0) -> int:  # noqa: ASYNC109 - of the whole, not of one call
        """Sends what waits, for so long at most; gives how many events were not sent."""
        if self._task is None:
            return self._count
        if timeout > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self.flush()
        self._task.cancel()
        await asyncio.wait({self._task})
        self._task = None
        if self._spool is not None:
            self._spool.close()
        return self._count

    def _drop_oldest(self) -> None:
        """From the guild that waits longest."""
        guild_id = next(iter(self._waiting))
        event = self._waiting[guild_id].popleft()
        self._count -= 1
        self._unkeep(guild_id, [event])
        self._settle(guild_id)
        self.dropped += 1

    async def _run(self) -> None:
        wait = self._every
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._full.wait()
            self._full.clear()
            started = time.monotonic()
            if await self._send_all():
                wait = max(self._every - (time.monotonic() - started), 0.0)
            else:
                await asyncio.sleep(wait)
                wait = min(max(wait, 0.1) * 2, LONGEST_WAIT)

    async def _send_all(self) -> bool:
        """One batch of each guild; False if the server is away, or does not let us in."""
        for guild_id in list(self._waiting):
            batch = list(self._waiting[guild_id])[: self._at_once] if guild_id in self._waiting else []
            if not batch:
                continue
            try:
                answer = await self._guildhall.record(guild_id, batch)
            except Unreachable:
                return False
            except Problem as problem:
                if problem.status not in _HOPELESS:
                    log.warning("events wait: %s", problem)
                    return False
                bad = _malformed(problem, batch) or batch
                log.error(  # noqa: TRY400 - an answer, and no fault of this program's
                    "%d events of guild %s are lost: %s", len(bad), guild_id, problem
                )
                self.dropped += len(bad)
                self._take(guild_id, bad)
                continue
            self._take(guild_id, batch)
            if self._answered is not None:
                await self._notify(guild_id, answer)
        return True

    async def _notify(self, guild_id: str, answer: Activity) -> None:
        assert self._answered is not None
        try:
            await self._answered(guild_id, answer)
        except Exception:
            log.exception("`answered` failed for guild %s", guild_id)  # it must not keep others' events

    def _take(self, guild_id: str, batch: list[Event]) -> None:
        """Takes these off; while they were on their way some may have been dropped."""
        gone = {id(event) for event in batch}
        queue = self._waiting.get(guild_id, deque())
        first = [queue.popleft() for _ in range(min(self._at_once, len(queue)))]
        kept = [event for event in first if id(event) not in gone]
        self._count -= len(first) - len(kept)
        queue.extendleft(reversed(kept))
        self._unkeep(guild_id, [event for event in first if id(event) in gone])
        self._settle(guild_id)

    def _unkeep(self, guild_id: str, events: Sequence[Event]) -> None:
        if self._spool is not None and events:
            self._keep(self._spool.remove, guild_id, [str(event["id"]) for event in events])

    def _keep(self, change: Callable[[str, T], None], guild_id: str, what: T) -> None:
        """The spool is a safeguard: if it fails, the events in memory are sent all the same."""
        try:
            change(guild_id, what)
        except (OSError, ValueError):
            log.exception("the spool failed")

    def _settle(self, guild_id: str) -> None:
        if not self._waiting.get(guild_id):
            self._waiting.pop(guild_id, None)
        elif self._flushing or len(self._waiting[guild_id]) >= self._at_once:
            self._full.set()
        if not self._waiting:
            self._idle.set()


def _malformed(problem: Problem, batch: list[Event]) -> list[Event]:
    """The events that a 422 points at, `/events/3/user_id`: the others are good."""
    found = {match[1] for fault in problem.errors if (match := _event(fault.pointer or ""))}
    return [event for place, event in enumerate(batch) if str(place) in found]
