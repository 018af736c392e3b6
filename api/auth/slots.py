"""Slots: how many requests of one key, and of the keys that it made, run at once. A noisy key must not take every
connection."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from api.errors import TooManyRequests

SLOTS = 32
# Requests that record activity share connections. The more of them wait, the fewer transactions they need.
RECORDING_SLOTS = 256
WAITING = 512
WAIT_SECONDS = 10.0
TIGHT = 8  # slots left to a family; below that, admission checks it before its requests begin


class Share(NamedTuple):
    """The slots of one family."""

    slots: "Slots"
    family: str

    @property
    def free(self) -> int:
        """How many are free now."""
        return self.slots.free(self.family)

    @property
    def refusal(self) -> TooManyRequests:
        """The refusal when too many requests wait for a slot."""
        return self.slots.too_many()


def _nobody_waits(_share: Share) -> None:
    return None


class Slots:
    """The slots of all families of keys (`Credential.family`). `at_once` requests of a family run at once. The next 512
    wait, at most ten seconds."""

    def __init__(self, at_once: int = SLOTS) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._tight: set[str] = set()  # families with few slots left
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self.on_free: Callable[[Share], None] = _nobody_waits

    @property
    def is_tight(self) -> bool:
        """Whether any family has few slots left."""
        return bool(self._tight)

    def share(self, family: str) -> Share | None:
        """The slots of a family that has few left; None for others."""
        return Share(self, family) if family in self._tight else None

    def free(self, family: str) -> int:
        """How many slots a family has left."""
        return self._at_once - self._running.get(family, 0)

    async def enter(self, family: str, is_gone: Callable[[], bool] = lambda: False) -> Callable[[], None]:
        """Waits for a slot, and returns a function that releases it. `is_gone`: whether nobody waits for the answer any
        more. Raises `TooManyRequests`, and `CancelledError` if the client has gone meanwhile: then no work is left for
        it."""
        running = self._running.get(family, 0)
        if running < self._at_once:
            self._run(family, running + 1)
        else:
            await self._wait(family)
            if is_gone():
                self._leave(family)
                raise asyncio.CancelledError
        return lambda: self._leave(family)

    async def _wait(self, family: str) -> None:
        queue = self._waiting.setdefault(family, deque())
        if len(queue) >= WAITING:
            raise self.too_many()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(family)  # the slot arrived as we gave up: it goes to the next
            elif turn in queue:
                queue.remove(turn)  # a request that gave up takes no place from others
            if isinstance(error, TimeoutError):
                raise self.too_many() from None
            raise

    def _leave(self, family: str) -> None:
        queue = self._waiting.get(family)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)  # the slot passes on, `running` does not change
                return
        self._waiting.pop(family, None)
        self._run(family, self._running[family] - 1)
        self.on_free(Share(self, family))

    def _run(self, family: str, running: int) -> None:
        if running:
            self._running[family] = running
        else:
            del self._running[family]
        if running > self._at_once - TIGHT:
            self._tight.add(family)
        else:
            self._tight.discard(family)

    def too_many(self) -> TooManyRequests:
        """The refusal when too many requests of a key wait."""
        return TooManyRequests(
            f"This key and its family have {self._at_once} requests running and too many waiting. Send fewer at once.",
            headers={"Retry-After": "1"},
        )
