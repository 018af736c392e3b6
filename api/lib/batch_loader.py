"""Many askers, one question: reads that wait for their turn are asked together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Two, so that one is answered while the other is turned into answers; few keys in each, else everybody waits in
# step for one large question, and this process with them.
CONCURRENCY = 2
BATCH_SIZE = 16


class BatchLoader(Generic[K, V]):
    """Asks about many keys at once. While as many questions as may run are under way, keys gather, and are the
    next one: no timer holds anybody up. A key is never added to a question that was asked already, so nobody
    is told of a state from before they asked. Keys must be ones that no question fails for: all of it would."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """`ask` gives the answers in the order of the keys, of which some may be the same."""
        self._ask = ask
        self._waiting: deque[tuple[K, asyncio.Future[V]]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them weakly

    async def get(self, key: K) -> V:
        """The answer for one key. Raises what the question raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, answer))
        if self._running < CONCURRENCY:
            self._running += 1
            # A task of its own: who gives up waiting must not take the answer from the others.
            task = loop.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._ask_next()
        finally:
            self._running -= 1  # at once, not when the task is seen to be done: who comes between would wait for ever

    async def _ask_next(self) -> None:
        asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_SIZE))]
        asked = [each for each in asked if not each[1].done()]  # some gave up
        if not asked:
            return
        try:
            answers = await self._ask([key for key, _ in asked])
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
