"""The cache of Discord's answers; each is fetched once at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from api.errors import DiscordAway, Unauthorized
from api.lib.clock import Clock

# The longest age of an answer: a minute for a change, five for a read, fifteen if Discord fails.
WRITE_SECONDS = 60.0
READ_SECONDS = 300.0
STALE_SECONDS = 900.0

# No request for this long after a failure: otherwise each one would wait for the next failure.
QUIET_SECONDS = 3.0

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class DiscordCache(Generic[K, V]):
    def __init__(self, clock: Clock, most: int) -> None:
        """`most`: the number of entries; the oldest are evicted first."""
        self._clock = clock
        self._most = most
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._failed: OrderedDict[K, tuple[float, DiscordAway]] = OrderedDict()
        self._running: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]], *, write: bool) -> V:
        """The cached answer, or the result of `fetch`. Raises `DiscordAway`, and the errors of `fetch`."""
        now = self._clock.now().timestamp()
        at, value = self._known.get(key, (float("-inf"), None))
        if value is not None and now - at < (WRITE_SECONDS if write else READ_SECONDS):
            return value
        try:
            return await self._fetched(key, fetch, now)
        except DiscordAway:
            if value is not None and not write and now - at < STALE_SECONDS:
                return value
            raise

    def invalidate(self, key: K) -> None:
        """Removes an answer."""
        self._known.pop(key, None)
        self._failed.pop(key, None)

    async def _fetched(self, key: K, fetch: Callable[[], Awaitable[V]], now: float) -> V:
        failed_at, failure = self._failed.get(key, (float("-inf"), None))
        if failure is not None and 0 <= now - failed_at < QUIET_SECONDS:
            again = DiscordAway(failure.detail)
            again.headers |= failure.headers
            raise again
        while (running := self._running.get(key)) is not None:
            try:
                return await asyncio.shield(running)
            except Unauthorized:
                # Another session's grant was refused, which says nothing about this one.
                if self._running.get(key) is running:
                    del self._running[key]
        running = self._running[key] = asyncio.ensure_future(fetch())
        running.add_done_callback(lambda done: self._note(key, now, done))
        # A caller that is cancelled leaves it running for the others.
        return await asyncio.shield(running)

    def _note(self, key: K, now: float, done: "asyncio.Task[V]") -> None:
        if self._running.get(key) is done:
            del self._running[key]
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            if isinstance(error, DiscordAway):
                _remember(self._failed, key, (self._clock.now().timestamp(), error), self._most)
            return
        self._failed.pop(key, None)
        _remember(self._known, key, (now, done.result()), self._most)


def _remember(known: "OrderedDict[K, V]", key: K, value: V, most: int) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > most:
        known.popitem(last=False)
