"""Admission: decides when a request begins. It begins at once unless too many others do.

An overloaded process must not spend its time on refusals, and a client with few requests must not stand behind one with
many. So until it begins, a request costs only its parsing. `BEGUN_A_TURN` requests begin in one turn of the event loop.
The others wait in a queue of their credential; the queues take turns. A request whose credential has no free slot
(`api.auth.slots`) waits here too, and blocks nobody else.

A request that will be refused is held for a while first. So a client that sends again at once, whatever the answer,
sends a few requests a second instead of a few hundred. The connection itself writes a refusal, without the application,
if the budget of a known credential is spent, if it has too many waiting requests, or if the request has waited too long
here."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from litestar.types import HTTPScope

from api.auth.slots import WAIT_SECONDS, WAITING, Share
from api.errors import GuildhallError, Overloaded

BEGUN_A_TURN = 8
REFUSED_A_TURN = 4
LEAST_HELD, MOST_HELD = 0.1, 5.0  # seconds
HELD_A_SECOND = 200.0  # for one credential: each of its refusals costs a read and a write
MOST_REQUESTS = 8192  # held ones; and as many waiting ones
MOST_WAITED = 1.0  # seconds in a queue
SWEEP_SECONDS = 1.0

PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})

# Begins the request, or refuses it with this error.
Begin = Callable[[GuildhallError | None], None]


class _Waiter(NamedTuple):
    since: float
    scope: HTTPScope
    begin: Begin


def _not_spent(_scope: HTTPScope) -> GuildhallError | None:
    return None


def _of_no_share(_scope: HTTPScope) -> Share | None:
    return None


class Admission:
    """The admission of one process."""

    def __init__(
        self,
        is_spent: Callable[[HTTPScope], bool] = lambda _: False,
        refused: Callable[[HTTPScope], GuildhallError | None] = _not_spent,
        whose: Callable[[HTTPScope], str] = lambda _: "",
        share_of: Callable[[HTTPScope], Share | None] = _of_no_share,
    ) -> None:
        """`is_spent`: whether the application could only refuse the request now. `refused`: the refusal that can be
        sent at once because the budget is spent. `whose`: the name of the queue. `share_of`: the slots of which the
        request takes one, if few are left."""
        self._is_spent = is_spent
        self._refused = refused
        self._whose = whose
        self._share_of = share_of
        self._left = BEGUN_A_TURN  # in this turn
        # Requests that have not taken their slot yet: those that arrived since the last turn, and those that it began.
        self._came: dict[Share, int] = {}
        self._begun: dict[Share, int] = {}
        self._is_turning = False
        self._is_sweeping = False
        self._lines: dict[str, deque[_Waiter]] = {}  # the next one first
        self._full: dict[Share, deque[_Waiter]] = {}  # requests that wait for a slot
        self._freed: deque[Share] = deque()  # shares of `_full` that may have a free slot
        self._waiting = 0
        self._held: Counter[str] = Counter()
        self._refusals: deque[tuple[HTTPScope, Begin]] = deque()

    def begins_at_once(self, scope: HTTPScope) -> bool:
        """Whether a request that has been read may begin now. Otherwise it waits."""
        if scope["path"] in PROBES:
            return True
        if not self._left or self._lines or self._is_refused(scope):
            return False
        share = self._share_of(scope)
        if share is not None and not self._has_slot(share):
            return False
        self._count(share, self._came)
        self._turn()
        return True

    def wait(self, scope: HTTPScope, begin: Begin) -> bool:
        """Queues a request, which begins or is refused later. False if no more may wait."""
        if self._is_refused(scope):
            return self._hold(scope, begin)
        if self._waiting >= MOST_REQUESTS:
            return False
        self._waiting += 1
        waiter = _Waiter(asyncio.get_running_loop().time(), scope, begin)
        share = self._share_of(scope)
        if share is not None and not self._has_slot(share):
            self._wait_for_slot(share, waiter)
        else:
            self._lines.setdefault(self._whose(scope), deque()).append(waiter)
            self._turn()
        return True

    def wake(self, share: Share) -> None:
        """Reports a free slot."""
        if share in self._full and share not in self._freed:
            self._freed.append(share)
            self._turn()

    def _has_slot(self, share: Share) -> bool:
        return share not in self._full and self._free(share) > 0

    def _free(self, share: Share) -> int:
        return share.free - self._came.get(share, 0) - self._begun.get(share, 0)

    def _count(self, share: Share | None, counts: dict[Share, int]) -> None:
        self._left -= 1
        if share is not None:
            counts[share] = counts.get(share, 0) + 1

    def _is_refused(self, scope: HTTPScope) -> bool:
        return self._is_spent(scope) or self._refusal(scope) is not None

    def _refusal(self, scope: HTTPScope) -> GuildhallError | None:
        if (spent := self._refused(scope)) is not None:
            return spent
        share = self._share_of(scope) if self._full else None
        return share.refusal if share is not None and len(self._full.get(share, ())) >= WAITING else None

    def _wait_for_slot(self, share: Share, waiter: _Waiter) -> None:
        self._full.setdefault(share, deque()).append(waiter)
        if share.free > 0:
            self.wake(share)  # the requests that were counted may not take a slot after all
        self._sweep_later()

    def _hold(self, scope: HTTPScope, begin: Begin) -> bool:
        if self._held.total() + len(self._refusals) >= MOST_REQUESTS:
            return False
        whose = self._whose(scope)
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
        self._left = BEGUN_A_TURN
        self._begun.clear()
        while self._left and (self._lines or self._freed):
            if self._lines:
                self._begin_next()
            if self._left and self._freed:
                self._begin_freed()
        for _ in range(min(REFUSED_A_TURN, len(self._refusals))):
            scope, begin = self._refusals.popleft()
            begin(self._refusal(scope))
        self._came.clear()  # the tasks of these requests run before the next turn
        if self._left < BEGUN_A_TURN or self._refusals:
            self._turn()

    def _begin_next(self) -> None:
        """Begins a request of the next queue."""
        whose = next(iter(self._lines))
        line = self._lines.pop(whose)
        waiter = line.popleft()
        if line:
            self._lines[whose] = line  # behind all others
        refusal = self._refusal(waiter.scope)
        share = self._share_of(waiter.scope)
        if refusal is None and share is not None and not self._has_slot(share):
            self._wait_for_slot(share, waiter)
            return
        self._waiting -= 1
        self._count(share, self._begun)
        if waiter.since < asyncio.get_running_loop().time() - MOST_WAITED:
            waiter.begin(_too_late())
        elif refusal is None or not self._hold(waiter.scope, waiter.begin):
            waiter.begin(refusal)

    def _begin_freed(self) -> None:
        """Begins as many of the requests that wait for a slot as there are slots."""
        share = self._freed.popleft()
        line = self._full[share]
        if self._free(share) > 0:
            waiter = line.popleft()
            self._waiting -= 1
            self._count(share, self._begun)
            waiter.begin(self._refused(waiter.scope))
        if not line:
            del self._full[share]
        elif self._free(share) > 0:
            self._freed.append(share)
        elif share.free > 0:
            # after the requests that began have taken their slots
            asyncio.get_running_loop().call_soon(self.wake, share)

    def _sweep_later(self) -> None:
        if not self._is_sweeping:
            self._is_sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Refuses requests that have waited too long for a slot."""
        self._is_sweeping = False
        too_late = asyncio.get_running_loop().time() - WAIT_SECONDS
        for share, line in list(self._full.items()):
            while line and line[0].since < too_late:
                self._waiting -= 1
                line.popleft().begin(share.refusal)
            if not line:
                del self._full[share]
                if share in self._freed:
                    self._freed.remove(share)
        if self._full:
            self._sweep_later()


def _too_late() -> Overloaded:
    return Overloaded("The server gets more requests than it can answer. Try again soon.")
