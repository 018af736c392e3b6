"""Limits of log-in tries, counted across all processes, before anything is hashed.

A stranger's try counts against their address (for IPv6 its /64), the account that they name, and all strangers. A
browser that has logged in before sends its cookie and has a budget of its own, so nobody can lock its user out by
failing in their name. No limit lasts longer than a minute, and a successful try does not count.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from piccolo.querystring import QueryString

from api.admin import queries as sql
from api.errors import TooManyRequests
from api.lib.clock import Clock
from api.postgres.database import Database
from tables.http import RateBudget
from tables.sql import one_of

WINDOW = 60.0
# Three addresses have to fail before strangers are kept from an account.
OF_ADDRESS, OF_ACCOUNT, OF_STRANGERS = 10, 30, 120
OF_BROWSER, OF_INSIDER = 10, 10
MOST_REMEMBERED = 10_000


class TooManyTries(TooManyRequests):
    """A budget is spent. `first`: this process refuses its owner for the first time since the budget began."""

    first = False


class TryBudget(msgspec.Struct, frozen=True):
    """The number of tries that an owner has in `seconds`."""

    owner: str
    limit: int
    seconds: float = WINDOW


class TryLimits:
    """Takes tries from budgets."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # Those that are spent, and until when: a flood of tries costs no statement.
        self._spent: dict[str, float] = {}

    async def take(self, budgets: Sequence[TryBudget]) -> None:
        """Takes one try from each budget in this order, until one is spent. Raises `TooManyTries`."""
        for budget in budgets:
            now = self._clock.now().timestamp()
            if (ends := self._spent.get(budget.owner, 0.0)) > now:
                raise _refusal(ends - now)
            async with self._database.connection() as connection:
                row = await connection.fetchrow(sql.TAKE_TRY, budget.owner, now, budget.limit, budget.seconds)
            assert row is not None  # it gives its row
            if row["used"] > budget.limit:
                self._remember(budget.owner, row["ends_at"], now)
                refusal = _refusal(row["ends_at"] - now)
                refusal.first = True
                raise refusal

    async def give_back(self, budgets: Sequence[TryBudget]) -> None:
        """Returns a successful try to its budgets."""
        owners = one_of(RateBudget.owner, [budget.owner for budget in budgets])
        await RateBudget.update({RateBudget.used: QueryString("greatest({} - 1, 0)", RateBudget.used)}).where(owners)

    def clear(self) -> None:
        """What this process knows; the database knows it still."""
        self._spent.clear()

    def _remember(self, owner: str, ends: float, now: float) -> None:
        if len(self._spent) >= MOST_REMEMBERED:
            self._spent = {each: until for each, until in self._spent.items() if until > now}
        if len(self._spent) < MOST_REMEMBERED:
            self._spent[owner] = ends


def stranger_budgets(network: str, account: str) -> list[TryBudget]:
    """The budgets of a client without a known browser's cookie. `network`: an address as budgets name it."""
    return [
        TryBudget(f"log-in-{network}", OF_ADDRESS),
        TryBudget(f"log-in-account:{_short(account)}", OF_ACCOUNT),
        TryBudget("log-in-strangers", OF_STRANGERS),
    ]


def browser_budgets(browser: str) -> list[TryBudget]:
    """The budgets of a browser that has logged in to this account before."""
    return [TryBudget(f"log-in-browser:{browser}", OF_BROWSER)]


def code_budget(user_id: int) -> TryBudget:
    """The budget of strangers who know the password. There are few possible codes, so tries are further apart."""
    return TryBudget(f"log-in-code:{user_id}", 10, 3600.0)


def insider_budgets(user_id: int) -> list[TryBudget]:
    """The budgets of somebody who is logged in and confirms their password."""
    return [TryBudget(f"log-in-insider:{user_id}", OF_INSIDER)]


def _short(account: str) -> str:
    return blake2b(account.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def one_at_a_time() -> TooManyTries:
    """The refusal for an address whose last try is still being checked."""
    return TooManyTries("Your last try is still being checked. Try again in a moment.", headers={"Retry-After": "1"})


def _refusal(seconds: float) -> TooManyTries:
    wait = max(math.ceil(seconds), 1)
    return TooManyTries(f"Too many tries to log in. Try again in {wait} s.", headers={"Retry-After": str(wait)})
