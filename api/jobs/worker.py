"""The worker: the loop of all background work (jobs of the queue, deliveries of webhooks), in the server or in
`guildhall worker`."""

import asyncio
from collections.abc import Coroutine, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from api.lib.shares import Shares
from api.postgres.failures import TRANSIENT

log = structlog.get_logger("guildhall.worker")

STOP_SECONDS = 5.0  # for cancelled work to release its lease

Names = tuple[Hashable, ...]


class Begun(NamedTuple):
    """Leased work, and the names under which it takes a place."""

    names: Names
    work: Coroutine[object, object, None]


class Source(Protocol):
    """The source of a worker's work."""

    places: int  # how many run at a time
    poll_seconds: float
    woken: asyncio.Event  # set when there is work

    async def lease(self, places: Shares[Hashable]) -> Sequence[Begun]:
        """Leases due work for which there is a place."""
        ...


class Worker:
    """Does the work of one source, for ever. It polls at intervals, and at once when it is woken or a place becomes
    free."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._places: Shares[Hashable] = Shares(source.places)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Runs until it is cancelled. Then it cancels its work, which releases its leases."""
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
        """Begins due work for which there is a place."""
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
        """Returns when all running work has ended."""
        while self._working:
            await asyncio.wait(self._working)

    async def stop(self) -> None:
        """Cancels all running work."""
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working, timeout=STOP_SECONDS)
