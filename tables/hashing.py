"""Where passwords are hashed: never on the event loop, which one of them would hold for a quarter of a second."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


class TooBusy(Exception):
    """As many passwords wait to be hashed as may."""


class Lane:
    """One thread, and a bound on how many wait for it: a crowd is refused at once, and takes one core at most."""

    def __init__(self, name: str, *, places: int) -> None:
        """`places`: how many are hashed or wait."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._places = places
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, to be had before anything else is done for whoever asks. Raises `TooBusy`."""
        if self._taken >= self._places:
            raise TooBusy
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, work: Callable[[], str]) -> str:
        """Does the work when its turn comes; for who has a place."""
        return await asyncio.wrap_future(self._thread.submit(work))


# Two, so that strangers at the door do not hold up who has been in before.
STRANGERS = Lane("stranger", places=4)
INSIDERS = Lane("insider", places=8)
