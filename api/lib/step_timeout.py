"""A time-out in steps, which a stall of the process does not trigger."""

import asyncio
from types import TracebackType

STEPS = 4


class StepTimeout:
    """Like `asyncio.timeout`, but in four steps, one after the other. A stall of this process counts as one step at
    most, however long it lasts. Otherwise a stall would end every wait at once, even if the database has already
    answered."""

    __slots__ = ("_left", "_limit", "_loop", "_step", "_timer")

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._step = seconds / STEPS
        self._left = STEPS
        self._timer = self._loop.call_later(self._step, self._pass)

    def _pass(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._step, self._pass)
        else:
            self._limit.reschedule(self._loop.time())

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)
