"""The last step of log-ins, which asks Discord: a fair share for each address, and each state once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.accounts.discord import CONNECTIONS
from api.errors import LoginFailed, Overloaded
from api.lib.clock import Clock
from api.lib.fair_places import FairPlaces

PLACES = CONNECTIONS // 2  # the other half is for those who are logged in. An address has at most half of these
WAIT_SECONDS = 3.0

# States that are remembered in a process. Of one that is forgotten, or came to another process, Discord refuses the
# code the second time, and the database a second session.
MOST_USED = 10_000


class Exchanges:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places = FairPlaces(PLACES, WAIT_SECONDS)
        self._used: dict[bytes, float] = {}  # and when each ends

    @asynccontextmanager
    async def one(self, state: bytes, *, ends: float, asker: str) -> AsyncIterator[None]:
        """Marks a state as used, and holds a place, of which each `asker` has a share. The state can be used again if
        Discord was away or no place was free. Raises `LoginFailed` for a used one, `Overloaded`."""
        self._drop_old()
        if state in self._used:
            raise LoginFailed("This log-in has already been used. Start again.")
        self._used[state] = ends
        try:
            async with self._places.hold(asker):
                yield
        except LoginFailed:
            raise
        except BaseException as error:
            self._used.pop(state, None)
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def _drop_old(self) -> None:
        """Removes expired states, and the oldest ones beyond the bound."""
        now = self._clock.now().timestamp()
        while self._used and (len(self._used) >= MOST_USED or next(iter(self._used.values())) <= now):
            del self._used[next(iter(self._used))]
