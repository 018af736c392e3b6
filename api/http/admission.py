"""When a request begins: at once, unless too many do.

A process that is asked for more than it can do must not spend its time on refusing, nor let who asks for little stand
behind who asks for much. So what a request costs before it begins is to be read, and nothing else. In one turn of
the event loop so many begin; the rest wait, and those of each credential get their turn after one another. Who would
be refused is held for a while first: whoever sends again at once, whatever the answer, does so a few times a second
and not a few hundred. The refusal is written by the connection, with no application behind it, wherever it is known
who asks: their budget is spent, too many of theirs wait, or the request has waited too long here."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from litestar.types import HTTPScope

from api.errors import GuildhallError, Overloaded

AT_ONCE = 8
REFUSALS_AT_ONCE = 4
LEAST_HELD, MOST_HELD = 0.1, 5.0  # seconds
HELD_A_SECOND = 200.0  # of one credential: each of its refusals costs a read and a write
MOST_REQUESTS = 8192  # held ones, and as many that wait
MOST_WAITED = 1.0  # seconds in line

PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})

# Begins the request, or refuses it with this.
Begin = Callable[[GuildhallError | None], None]


def _no_crowd(_scope: HTTPScope) -> GuildhallError | None:
    return None


class Admission:
    """Of one process."""

    def __init__(
        self,
        is_spent: Callable[[HTTPScope], bool] = lambda _: False,
        refused: Callable[[HTTPScope], GuildhallError | None] = _no_crowd,
        whose: Callable[[HTTPScope], str] = lambda _: "",
    ) -> None:
        """`is_spent` tells whether nothing but a refusal by the application would come of a request now; `refused`:
        what it is refused with at once, where their budget is spent or too many of theirs wait; `whose`: the name of
        those who share a place in the line."""
        self._is_spent = is_spent
        self._refused = refused
        self._whose = whose
        self._left = AT_ONCE  # of this turn
        self._is_turning = False
        self._lines: dict[str, deque[tuple[float, HTTPScope, Begin]]] = {}  # whose turn it is next comes first
        self._waiting = 0
        self._held: Counter[str] = Counter()
        self._refusals: deque[tuple[HTTPScope, Begin]] = deque()

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
        """Has it begin later, or be refused; False where no more may wait."""
        whose = self._whose(scope)
        if self._is_refused(scope):
            return self._hold(whose, scope, begin)
        if self._waiting >= MOST_REQUESTS:
            return False
        self._lines.setdefault(whose, deque()).append((asyncio.get_running_loop().time(), scope, begin))
        self._waiting += 1
        self._turn()
        return True

    def _is_refused(self, scope: HTTPScope) -> bool:
        return self._is_spent(scope) or self._refused(scope) is not None

    def _hold(self, whose: str, scope: HTTPScope, begin: Begin) -> bool:
        if self._held.total() + len(self._refusals) >= MOST_REQUESTS:
            return False
        seconds = min(LEAST_HELD + self._held[whose] / HELD_A_SECOND, MOST_HELD)
        self._held[whose] += 1
        asyncio.get_running_loop().call_later(seconds, self._release, whose, scope, begin)
        return True

    def _release(self, whose: str, scope: HTTPScope, begin: Begin) -> None:
        self._held[whose] -= 1
        if not self._held[whose]:
            del self._held[whose]
        self._refusals.append((scope, begin))
        self._turn()

    def _turn(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._begin_some)

    def _begin_some(self) -> None:
        self._is_turning = False
        self._left = AT_ONCE
        too_late = asyncio.get_running_loop().time() - MOST_WAITED
        while self._left and self._lines:
            whose = next(iter(self._lines))
            line = self._lines.pop(whose)
            since, scope, begin = line.popleft()
            if line:
                self._lines[whose] = line  # behind all others
            self._waiting -= 1
            self._left -= 1
            refusal = self._refused(scope)
            if since < too_late:
                begin(_too_late())
            elif refusal is None or not self._hold(whose, scope, begin):
                begin(refusal)
        for _ in range(min(REFUSALS_AT_ONCE, len(self._refusals))):
            scope, begin = self._refusals.popleft()
            begin(self._refused(scope))
        if self._left < AT_ONCE or self._refusals:
            self._turn()


def _too_late() -> Overloaded:
    return Overloaded("More is asked than can be answered. Try again soon.")
