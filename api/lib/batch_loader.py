"""The batch loader: reads of single keys that wait at the same time become one query."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Two queries at a time, so one runs while the results of the other are processed. Small batches, because everybody
# waits for the whole batch.
CONCURRENCY = 2
BATCH_SIZE = 16


class BatchLoader(Generic[K, V]):
    """Loads many keys in one query. While the most queries run, keys gather and become the next batch; there is no
    timer. A key never joins a query that was sent already, so nobody gets a state from before their call. Use it only
    for keys that cannot make the query fail: the whole batch would."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """`ask` returns the values in the order of the keys, which may repeat."""
        self._ask = ask
        self._waiting: deque[tuple[K, asyncio.Future[V]]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them weakly

    async def get(self, key: K) -> V:
        """The value of a key. Raises what the query raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, answer))
        if self._running < CONCURRENCY:
            self._running += 1
            # A task of its own: a caller that is cancelled must not cancel the others.
            task = loop.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._ask_next()
        finally:
            self._running -= 1  # here, and not in a callback: a caller that comes in between would wait for ever

    async def _ask_next(self) -> None:
        asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_SIZE))]
        asked = [each for each in asked if not each[1].done()]  # some gave up
        if asked:
            await answer_all(self._ask, asked)


async def answer_all(
    ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]], asked: Sequence[tuple[K, asyncio.Future[V]]]
) -> None:
    """Loads keys in one query, and gives each future its value, or what the query raised."""
    try:
        answers = await ask([key for key, _ in asked])
    except Exception as error:
        for _, future in asked:
            if not future.done():
                future.set_exception(error)
        return
    except BaseException:
        for _, future in asked:
            future.cancel()
        raise
    for (_, future), answer in zip(asked, answers, strict=True):
        if not future.done():
            future.set_result(answer)
