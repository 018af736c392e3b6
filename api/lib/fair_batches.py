"""Fair batches: a batch loader that runs one query at a time, in which each client has a share."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from api.lib.batch_loader import answer_all

K = TypeVar("K")
V = TypeVar("V")

OF_EACH = 64
MOST = 512


class FairBatches(Generic[K, V]):
    """Loads many keys in one query, one query at a time: it never uses more than one connection. A client has at most
    `OF_EACH` keys in a query. So the keys of others do not wait behind many keys of one client, and all are answered in
    the end. Use it only for keys that cannot make the query fail."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """`ask` returns the values in the order of the keys, which may repeat."""
        self._ask = ask
        self._waiting: dict[str, deque[tuple[K, asyncio.Future[V]]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K, asker: str) -> V:
        """The value of a key. Raises what the query raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.setdefault(asker, deque()).append((key, answer))
        if self._task is None:
            # A task of its own: a caller that is cancelled must not cancel the others.
            self._task = loop.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while asked := self._next():
                await answer_all(self._ask, asked)
        finally:
            self._task = None  # here: a caller that comes in between would wait for ever

    def _next(self) -> list[tuple[K, asyncio.Future[V]]]:
        """The keys of the next query. A client with more keys goes to the end of the queue."""
        asked: list[tuple[K, asyncio.Future[V]]] = []
        for asker in list(self._waiting):
            waiting = self._waiting.pop(asker)
            share = 0
            while waiting and share < OF_EACH and len(asked) < MOST:
                each = waiting.popleft()
                if not each[1].done():  # otherwise the caller gave up
                    asked.append(each)
                    share += 1
            if waiting:
                self._waiting[asker] = waiting
            if len(asked) == MOST:
                break
        return asked
