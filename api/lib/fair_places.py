"""A fair semaphore: a number of places, of which each name has a share."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.lib.shares import Shares

MOST_WAITING = 50  # under one name; further callers are refused at once


class FairPlaces:
    """Callers without a place wait for some time: first come, first served within a name, and the names in turn. Each
    name has its share, however many wait under another one."""

    def __init__(self, places: int, seconds: float) -> None:
        """`seconds`: the longest wait."""
        self._shares: Shares[str] = Shares(places)
        self._seconds = seconds
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Holds a place while the block runs. Raises `TimeoutError` if none came free in time."""
        await self._enter(name)
        try:
            yield
        finally:
            self._shares.give_back(name)
            self._admit()

    async def _enter(self, name: str) -> None:
        line = self._waiting.get(name)
        if line is None and self._shares.has_room(name):
            self._shares.take(name)
            return
        if line is None:
            line = self._waiting[name] = deque()
        elif len(line) >= MOST_WAITING:
            raise TimeoutError
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            async with asyncio.timeout(self._seconds):
                await place
        except BaseException:
            if place.done() and not place.cancelled():  # the place became free at that very moment
                self._shares.give_back(name)
                self._admit()
            else:
                self._leave(name, place)
            raise

    def _leave(self, name: str, place: asyncio.Future[None]) -> None:
        line = self._waiting.get(name)
        if line is not None and place in line:
            line.remove(place)
            if not line:
                del self._waiting[name]

    def _admit(self) -> None:
        """Gives free places to those who wait. A name that was served goes to the end of the queue."""
        while (name := next((name for name in self._waiting if self._shares.has_room(name)), None)) is not None:
            line = self._waiting.pop(name)
            place = line.popleft()
            if line:
                self._waiting[name] = line
            if not place.done():  # otherwise the caller gave up, and is about to leave
                self._shares.take(name)
                place.set_result(None)
