"""Many askers, one question: reads that wait for their turn are asked together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

AT_ONCE = 2
MOST = 32


class Together(Generic[K, V]):
    """Asks about many keys at once. While as many questions as may run are under way, keys gather, and are the
    next one: no timer holds anybody up. A key is never added to a question that was asked already, so nobody
    is told of a state from before they asked. Keys must be ones that no question fails for: all of it would."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """`ask` gives the answers in the order of the keys, of which some may be the same."""
        self._ask = ask
        self._waiting: deque[tuple[K, asyncio.Future[V]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V:
        """The answer for one key. Raises what the question raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, answer))
        if len(self._running) < AT_ONCE:
            # A task of its own: who gives up waiting must not take the answer from the others.
            task = loop.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))]
            asked = [each for each in asked if not each[1].done()]  # some gave up
            try:
                answers = await self._ask([key for key, _ in asked]) if asked else ()
            except BaseException as error:
                for _, future in asked:
                    if not future.done():
                        future.set_exception(error) if isinstance(error, Exception) else future.cancel()
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, future), answer in zip(asked, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
