"""Hashes passwords in threads: on the event loop, one hash would block it for a quarter of a second."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


class TooBusy(Exception):
    """Too many passwords wait to be hashed."""


class Lane:
    """One thread with a bounded queue. It refuses a crowd at once, and uses one core at most."""

    def __init__(self, name: str, *, places: int) -> None:
        """`places`: how many are hashed or wait."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._places = places
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, taken before any other work for the caller. Raises `TooBusy`."""
        if self._taken >= self._places:
            raise TooBusy
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, work: Callable[[], str]) -> str:
        """Runs the work in its turn. The caller must have a place."""
        return await asyncio.wrap_future(self._thread.submit(work))


# Two, so that strangers do not hold up people who have logged in before.
STRANGERS = Lane("stranger", places=4)
INSIDERS = Lane("insider", places=8)
