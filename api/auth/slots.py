"""How many requests of one key, and of those that it made, run at once: a noisy one must not take every connection."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from api.errors import TooManyRequests

AT_ONCE = 32
# Those that record activity take a connection together, not one each: the more of them wait, the fewer
# transactions they take.
RECORDING_AT_ONCE = 256
WAITING = 512
WAIT_SECONDS = 10.0
TIGHT = 8  # slots left to a family from which on it is looked at before its requests begin


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
        """What is raised where as many requests wait for one as may wait."""
        return self.slots.too_many()


def _nobody_waits(_share: Share) -> None:
    return None


class Slots:
    """So many requests of a family of keys (`Credential.family`) run at once, the next 512 wait their turn, at most ten
    seconds."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
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
        """The slots of a family that has few left, None for others."""
        return Share(self, family) if family in self._tight else None

    def free(self, family: str) -> int:
        """How many slots a family has left."""
        return self._at_once - self._running.get(family, 0)

    async def enter(self, family: str, is_gone: Callable[[], bool] = lambda: False) -> Callable[[], None]:
        """Waits for a slot; call what it gives when the request is over. `is_gone`: whether nobody waits for the
        answer any more. Raises `TooManyRequests`, and `CancelledError` where the client has gone meanwhile: of a
        crowd that gave up nothing is left to be done."""
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
                self._leave(family)  # the slot came just as we gave up: it goes to the next
            elif turn in queue:
                queue.remove(turn)  # who gave up takes no place from others
            if isinstance(error, TimeoutError):
                raise self.too_many() from None
            raise

    def _leave(self, family: str) -> None:
        queue = self._waiting.get(family)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)  # the slot passes on, `running` stays
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
        """What is raised where a key has as many requests waiting as may wait."""
        return TooManyRequests(
            f"This key and its family have {self._at_once} requests running and too many waiting. Send fewer at once.",
            headers={"Retry-After": "1"},
        )
