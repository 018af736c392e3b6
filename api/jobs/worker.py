"""The loop in which all background work is done, in the server or in `guildhall worker`: jobs of the queue, deliveries
of webhooks."""

import asyncio
from collections.abc import Coroutine, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from api.lib.shares import Shares
from api.postgres.failures import TRANSIENT

log = structlog.get_logger("guildhall.worker")

STOP_SECONDS = 5.0  # for what is cancelled to give back its lease

Names = tuple[Hashable, ...]


class Begun(NamedTuple):
    """Work that is leased, and the names under which it takes a place."""

    names: Names
    work: Coroutine[object, object, None]


class Source(Protocol):
    """Where a worker's work comes from."""

    places: int  # how much is done at a time
    poll_seconds: float
    woken: asyncio.Event  # set when there is work

    async def lease(self, places: Shares[Hashable]) -> Sequence[Begun]:
        """Leases what is due and finds a place."""
        ...


class Worker:
    """Does the work of one source, for ever: polls, sooner when it is woken or when a place becomes free."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._places: Shares[Hashable] = Shares(source.places)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Cancelled, it cancels its work, which gives back what it holds."""
        try:
            while True:
                self._source.woken.clear()
                try:
                    await self.poll()
                except TRANSIENT as error:
                    log.debug("no work for now", error=type(error).__name__)
                except Exception:
                    log.exception("no work could be leased")
                await self._pause()
        finally:
            await self.stop()

    async def poll(self) -> None:
        """Begins what is due and finds a place."""
        for begun in await self._source.lease(self._places):
            self._places.take(*begun.names)
            task = asyncio.create_task(begun.work)
            self._working.add(task)
            task.add_done_callback(partial(self._finish, begun.names))

    def _finish(self, names: Names, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._places.give_back(*names)

    async def _pause(self) -> None:
        if not self._places.free:
            await asyncio.wait(self._working, return_when=asyncio.FIRST_COMPLETED)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._source.poll_seconds):
                await self._source.woken.wait()

    async def rest(self) -> None:
        """Returns when all that was begun has ended."""
        while self._working:
            await asyncio.wait(self._working)

    async def stop(self) -> None:
        """Cancels what was begun."""
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working, timeout=STOP_SECONDS)
