"""Rate limits: requests a minute of each credential, and of each address without one.

A credential's budget is a row that all processes share, for a minute from its first request on. A process takes a
portion at a time, and spends it from memory. A portion is a 64th of the budget; if that is less than 32 requests, then
up to 32, but at most an eighth and at least one. So answers never exceed the budget. They fall short of it only by
portions that other processes took and did not use. While the database is away, each process goes by its own count.

A request of a key that another key created counts against the budgets of both, and so on up: together they do no more
than the first one may. The headers of an answer show the budget with the least left.

The budget of an address counts the refusals of strangers there (401, no such route), in memory. Once a second the
processes add up their counts. So an address may exceed its budget: each process may answer that many within a second.
Requests with a valid credential do not count, and are not refused because of their address: see
`api.http.strangers`."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

import structlog
from litestar.types import HTTPScope

from api.auth.actors import Credential
from api.errors import TooManyRequests, Unavailable
from api.http import queries as sql
from api.http.budgets import WINDOW, Budget, address_of, take_portion
from api.http.context import context_of
from api.lib.clock import Clock
from api.postgres.batches import delete_in_batches
from api.postgres.database import Database

log = structlog.get_logger("guildhall.limits")

MOST_BUDGETS = 50_000
FLUSH_SECONDS = 1.0
MOST_REPORTED = 1000  # addresses that a process reports in one flush


class Limiter:
    """The budgets as one process knows them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        remembered: Callable[[HTTPScope], Credential | None] = lambda _scope: None,
        *,
        of_an_address: int,
    ) -> None:
        """`remembered` returns the credential of a request, if it is in memory."""
        self._database = database
        self._clock = clock
        self.remembered = remembered
        self._spent: dict[str, Budget] = {}
        self._of_an_address = of_an_address
        self._budgets: OrderedDict[str, Budget] = OrderedDict()
        self._dirty: dict[str, Budget] = {}

    def now(self) -> float:
        return self._clock.now().timestamp()

    def spend_at_once(self, scope: HTTPScope, credential: Credential) -> bool:
        """Takes one request from the portions in memory. False if the database must be asked first, or nothing is
        left."""
        budgets = [self._budget(owner, limit) for owner, limit in credential.budgets]
        now = self.now()
        for budget in budgets:
            if budget.left <= 0 or budget.ends <= now:
                return False
        for budget in budgets:
            budget.left -= 1
        _note(scope, budgets)
        return True

    async def spend(self, scope: HTTPScope, credential: Credential) -> None:
        """Takes one request from each budget of the credential, once for each request. Raises `TooManyRequests`, and
        then takes nothing."""
        context = context_of(scope)
        if context.budgets is not None or self.spend_at_once(scope, credential):
            return
        taken: list[Budget] = []
        for owner, limit in credential.budgets:
            budget = self._budget(owner, limit)
            try:
                await self._take(budget)
            except TooManyRequests:
                self._put_back(taken)
                context.budget = budget
                raise
            taken.append(budget)
        _note(scope, taken)

    async def spend_of_address(self, scope: HTTPScope, name: str, limit: int) -> None:
        """Takes one request off a budget that the address has for something of this name. Raises `TooManyRequests`."""
        budget = context_of(scope).budget = self._budget(f"{name}:{address_of(scope)}", limit)
        await self._take(budget)

    async def _take(self, budget: Budget) -> None:
        while True:
            now = self.now()
            if budget.ends > now:
                if budget.left > 0:
                    budget.left -= 1
                    return
                if budget.shared <= 0:
                    self._spent[budget.owner] = budget
                    raise budget.refusal(now)
            async with budget.asking:
                if budget.left <= 0 or budget.ends <= self.now():
                    await take_portion(self._database, budget, self.now())

    def refuse_spent(self, scope: HTTPScope) -> None:
        """Raises `TooManyRequests` if the budget of the credential is known to be spent. Runs before anything else, so
        that an excessive client costs little."""
        if (found := self._spent_by(scope)) is not None:
            context = context_of(scope)
            context.credential, context.budget = found
            raise found[1].refusal(self.now())

    def would_refuse(self, scope: HTTPScope) -> bool:
        """Whether the request could only be refused now: the budget of its credential is spent; or its address was
        refused too often, and it has no credential that could be valid."""
        if self._spent_by(scope) is not None:
            return True
        return self.is_spent(scope) and self.remembered(scope) is None and not _has_cookie(scope)

    def refusal_at_once(self, scope: HTTPScope) -> TooManyRequests | None:
        """The refusal, with all headers, if the budget of the credential is known to be spent; otherwise None."""
        found = self._spent_by(scope)
        if found is None:
            return None
        budget, now = found[1], self.now()
        refusal = budget.refusal(now)
        shown = {name.decode(): value.decode() for name, value in budget.headers(now)}
        return TooManyRequests(refusal.detail, headers={**refusal.headers, **shown})

    def _spent_by(self, scope: HTTPScope) -> tuple[Credential, Budget] | None:
        """The credential of the request, and which of its budgets is spent."""
        if not self._spent:
            return None
        credential = self.remembered(scope)
        if credential is None:
            return None
        now = self.now()
        for owner, _ in credential.budgets:
            budget = self._spent.get(owner)
            if budget is None:
                continue
            if budget.ends > now and budget.left <= 0:
                return credential, budget
            del self._spent[owner]
        return None

    def whose(self, scope: HTTPScope) -> str:
        """The name of the request's credential, if it is in memory; otherwise of its address."""
        credential = self.remembered(scope)
        return address_of(scope) if credential is None else credential.owner

    def give_back(self, scope: HTTPScope) -> None:
        """Returns a request that costs nothing after all."""
        self._put_back(context_of(scope).budgets or ())

    def _put_back(self, budgets: Iterable[Budget]) -> None:
        now = self.now()
        for budget in budgets:
            if budget.ends > now:
                budget.left += 1

    def is_spent(self, scope: HTTPScope) -> bool:
        """Whether the address was refused too often this minute."""
        budget = self._budgets.get(address_of(scope))
        return budget is not None and budget.remaining <= 0 and budget.ends > self.now()

    def refusal_of(self, scope: HTTPScope) -> TooManyRequests:
        """The refusal of a stranger at this address."""
        budget = context_of(scope).budget = self._budget(address_of(scope), self._of_an_address)
        return budget.refusal(self.now())

    def note_refusal(self, scope: HTTPScope) -> None:
        """Counts a refusal against the address of the request."""
        budget = self._budget(address_of(scope), self._of_an_address)
        now = self.now()
        if budget.ends <= now:
            budget.ends, budget.left, budget.shared, budget.pending = now + WINDOW, 0, budget.limit, 0
        budget.pending += 1
        if len(self._dirty) < MOST_REPORTED:
            self._dirty[budget.owner] = budget
        context = context_of(scope)
        context.budget = context.budget or budget

    async def run(self) -> None:
        """Adds up the counts of all processes, for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if not self._dirty:
                continue
            try:
                await self.add_up()
            except Unavailable as error:
                log.debug("the refusals of addresses were not shared", type=error.type)
            except Exception:
                log.exception("the refusals of addresses were not shared")

    async def add_up(self) -> None:
        """Reports the refusals of this process, and reads those of the others. Raises `Unavailable`."""
        dirty, self._dirty = self._dirty, {}
        counts = {owner: budget.pending for owner, budget in dirty.items()}
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.ADD_USED, list(counts), list(counts.values()), self.now())
        for owner, used, ends in rows:
            budget = dirty[owner]
            budget.pending = max(budget.pending - counts[owner], 0)
            budget.shared, budget.ends = max(budget.limit - used, 0), ends

    async def sweep(self) -> None:
        """Deletes budgets that ended over a minute ago."""
        self._spent = {owner: budget for owner, budget in self._spent.items() if budget.ends > self.now()}
        async with self._database.connection() as connection:
            await delete_in_batches(connection, "rate_budgets", "ends_at <= $1", self.now() - WINDOW)

    def clear(self) -> None:
        """Removes all that this process knows."""
        self._budgets.clear()
        self._spent.clear()
        self._dirty.clear()

    def _budget(self, owner: str, limit: int) -> Budget:
        budget = self._budgets.get(owner)
        if budget is None or budget.limit != limit:
            budget = self._budgets[owner] = Budget(owner, limit)
            if len(self._budgets) > MOST_BUDGETS:
                self._budgets.popitem(last=False)
        return budget


def _note(scope: HTTPScope, budgets: list[Budget]) -> None:
    """Notes the budgets for the answer's headers, and for `give_back`."""
    context = context_of(scope)
    context.budgets = budgets
    if budgets:
        context.budget = min(budgets, key=lambda budget: budget.remaining)


def _has_cookie(scope: HTTPScope) -> bool:
    return any(name == b"cookie" for name, _ in scope["headers"])
