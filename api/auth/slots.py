"""How many requests of one key, and of those that it made, run at once: a noisy one must not take every connection."""

import asyncio
from collections import deque
from collections.abc import Callable

from api.errors import TooManyRequests

AT_ONCE = 32
# Those that record activity take a connection together, not one each: the more of them wait, the fewer
# transactions they take.
RECORDING_AT_ONCE = 256
WAITING = 512
ON_THEIR_WAY = 32  # of these: begun, and not here yet
WAIT_SECONDS = 10.0


class Slots:
    """So many requests of a family of keys (`Credential.family`) run at once, the next 512 wait their turn, at most ten
    seconds."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def is_crowded(self, family: str) -> bool:
        """Whether a family has no place left where a request could wait, but for those that have begun already."""
        return len(self._waiting.get(family, ())) >= WAITING - ON_THEIR_WAY

    @property
    def has_waiting(self) -> bool:
        """Whether there is anybody who waits."""
        return bool(self._waiting)

    async def enter(self, family: str, is_gone: Callable[[], bool] = lambda: False) -> Callable[[], None]:
        """Waits for a slot; call what it gives when the request is over. `is_gone`: whether nobody waits for the
        answer any more. Raises `TooManyRequests`, and `CancelledError` where the client has gone meanwhile: of a
        crowd that gave up nothing is left to be done."""
        running = self._running.get(family, 0)
        if running < self._at_once:
            self._running[family] = running + 1
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
        if self._running[family] == 1:
            del self._running[family]
        else:
            self._running[family] -= 1

    def too_many(self) -> TooManyRequests:
        """What is raised where a key has as many requests waiting as may wait."""
        return TooManyRequests(
            f"This key and its family have {self._at_once} requests running and more waiting. Send fewer at once.",
            headers={"Retry-After": "1"},
        )
