"""Many askers, one question at a time, in which each has its share."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

OF_EACH = 64
MOST = 512


class FairBatches(Generic[K, V]):
    """Asks about many keys in one question, one question at a time: however many ask, they cost one connection. Who
    asks about very many has `OF_EACH` of them in a question at most, so the keys of others never wait for theirs,
    and their own wait in line and are all answered. Keys must be ones that no question fails for."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """`ask` gives the answers in the order of the keys, of which some may be the same."""
        self._ask = ask
        self._waiting: dict[str, deque[tuple[K, asyncio.Future[V]]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K, asker: str) -> V:
        """The answer for one key. Raises what the question raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.setdefault(asker, deque()).append((key, answer))
        if self._task is None:
            # A task of its own: who gives up waiting must not take the answer from the others.
            self._task = loop.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while asked := self._next():
                await self._ask_about(asked)
        finally:
            self._task = None  # at once: who comes between would wait for ever

    def _next(self) -> list[tuple[K, asyncio.Future[V]]]:
        """The next question's keys. Who is asked about goes to the end of the line, if they have more."""
        asked: list[tuple[K, asyncio.Future[V]]] = []
        for asker in list(self._waiting):
            waiting = self._waiting.pop(asker)
            share = 0
            while waiting and share < OF_EACH and len(asked) < MOST:
                each = waiting.popleft()
                if not each[1].done():  # else they gave up
                    asked.append(each)
                    share += 1
            if waiting:
                self._waiting[asker] = waiting
            if len(asked) == MOST:
                break
        return asked

    async def _ask_about(self, asked: Sequence[tuple[K, asyncio.Future[V]]]) -> None:
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
