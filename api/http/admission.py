"""When a request begins: at once, unless too many do.

A process that is asked for more than it can do must not spend its time on refusing, nor let who asks for little stand
behind who asks for much. So what a request costs before it begins is to be read, and nothing else. In one turn of
the event loop so many begin; the rest wait, and those of each credential get their turn after one another. Who would
be refused is held for a while first: whoever sends again at once, whatever the answer, does so a few times a second
and not a few hundred."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from litestar.types import HTTPScope

AT_ONCE = 8
REFUSALS_AT_ONCE = 2
LEAST_HELD, MOST_HELD = 0.1, 0.5  # seconds
HELD_A_SECOND = 1000.0  # of one credential; where it has more than that the time is at its most
MOST_REQUESTS = 8192  # held ones, and as many that wait

PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})

Begin = Callable[[], None]


class Admission:
    """Of one process."""

    def __init__(
        self,
        is_refused: Callable[[HTTPScope], bool] = lambda _: False,
        whose: Callable[[HTTPScope], str] = lambda _: "",
    ) -> None:
        """`is_refused` tells whether nothing but a refusal would come of a request now; `whose`: the name of those
        who share a place in the line."""
        self._is_refused = is_refused
        self._whose = whose
        self._left = AT_ONCE  # of this turn
        self._is_turning = False
        self._lines: dict[str, deque[Begin]] = {}  # whose turn it is next comes first
        self._waiting = 0
        self._held: Counter[str] = Counter()
        self._refusals: deque[Begin] = deque()

    def begins_at_once(self, scope: HTTPScope) -> bool:
        """Whether a request that has been read may begin now; else it waits."""
        if scope["path"] in PROBES:
            return True
        if not self._left or self._lines or self._is_refused(scope):
            return False
        self._left -= 1
        self._turn()
        return True

    def wait(self, scope: HTTPScope, begin: Begin) -> bool:
        """Has it begin later; False where no more may wait."""
        whose = self._whose(scope)
        if self._is_refused(scope):
            return self._hold(whose, begin)
        if self._waiting >= MOST_REQUESTS:
            return False
        self._lines.setdefault(whose, deque()).append(begin)
        self._waiting += 1
        self._turn()
        return True

    def _hold(self, whose: str, begin: Begin) -> bool:
        if self._held.total() + len(self._refusals) >= MOST_REQUESTS:
            return False
        seconds = min(LEAST_HELD + self._held[whose] / HELD_A_SECOND, MOST_HELD)
        self._held[whose] += 1
        asyncio.get_running_loop().call_later(seconds, self._release, whose, begin)
        return True

    def _release(self, whose: str, begin: Begin) -> None:
        self._held[whose] -= 1
        if not self._held[whose]:
            del self._held[whose]
        self._refusals.append(begin)
        self._turn()

    def _turn(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._begin_some)

    def _begin_some(self) -> None:
        self._is_turning = False
        self._left = AT_ONCE
        while self._left and self._lines:
            whose = next(iter(self._lines))
            line = self._lines.pop(whose)
            begin = line.popleft()
            if line:
                self._lines[whose] = line  # behind all others
            self._waiting -= 1
            self._left -= 1
            begin()
        for _ in range(min(REFUSALS_AT_ONCE, len(self._refusals))):
            self._refusals.popleft()()
        if self._left < AT_ONCE or self._refusals:
            self._turn()
