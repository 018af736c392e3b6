"""The log-in of administrators. Tries are counted before anything is hashed, and recorded in the audit log."""

from collections.abc import Sequence

import msgspec
import structlog

from api.admin.browsers import KnownBrowsers
from api.admin.limits import (
    TooManyTries,
    TryBudget,
    TryLimits,
    browser_budgets,
    code_budget,
    insider_budgets,
    one_at_a_time,
    stranger_budgets,
)
from api.admin.second_factor import SecondFactor
from api.audit.service import record
from api.auth.actors import Actor
from api.errors import GuildhallError, Overloaded
from api.lib.clock import Clock
from api.postgres.database import Database
from tables.admin import AdminUser
from tables.hashing import INSIDERS, STRANGERS, Lane, TooBusy

log = structlog.get_logger("guildhall.admin")

LOGGED_IN, REFUSED, HALF_WAY = "admin.logged_in", "admin.log_in_refused", "admin.code_asked_for"
_LONGEST_NAME = 100  # characters of a typed name that are logged


class LogInRefused(GuildhallError):
    """A refused log-in. Piccolo Admin's page recognizes some of the details by their text."""

    status = 401
    type = "log-in-refused"
    title = "Log-in refused"


class Visitor(msgspec.Struct, frozen=True):
    """The client of a log-in. `network`: its address as budgets name it. `cookie`: that of a known browser, if any."""

    name: str
    network: str
    ip: str | None
    request_id: str | None
    cookie: str | None

    @property
    def logged_name(self) -> str:
        """A user name for logs: it is user input, and may be anything."""
        return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in self.name)[
            :_LONGEST_NAME
        ]


class Entrance:
    """Checks log-ins to the admin."""

    def __init__(self, database: Database, clock: Clock, own: Sequence[str]) -> None:
        """`own`: the installation's secrets, the one that signs first."""
        self.browsers = KnownBrowsers(own, clock)
        self.second_factor = SecondFactor(database, clock, own)
        self.limits = TryLimits(database, clock)
        self._database = database
        self._knocking: set[str] = set()

    async def log_in(self, visitor: Visitor, password: str, code: str | None) -> int:
        """The id of the administrator. Raises `LogInRefused`, `TooManyTries`, `Overloaded`."""
        browser = self.browsers.read(visitor.name, visitor.cookie)
        lane = STRANGERS if browser is None else INSIDERS
        knocks = f"browser:{browser}" if browser is not None else visitor.network
        if knocks in self._knocking:
            await self._record(visitor, REFUSED, None, "another try is running", is_kept=False)
            raise one_at_a_time()
        self._knocking.add(knocks)
        try:
            # A place first: who finds none costs no statement either, and cannot keep others from the database.
            with lane.place():
                return await self._try(visitor, password, code, lane, browser)
        except TooBusy:
            await self._record(visitor, REFUSED, None, "too many at once", is_kept=False)
            raise Overloaded("Too many people are logging in. Try again in a second.") from None
        finally:
            self._knocking.discard(knocks)

    async def again(self, user_id: int) -> None:
        """Counts a try of somebody who is logged in and confirms their password. Raises `TooManyTries`."""
        await self.limits.take(insider_budgets(user_id))

    async def _try(self, visitor: Visitor, password: str, code: str | None, lane: Lane, browser: str | None) -> int:
        budgets = browser_budgets(browser) if browser else stranger_budgets(visitor.network, visitor.name)
        await self._take(visitor, budgets)
        user_id = await AdminUser.check(visitor.name, password, lane)
        if user_id is None:
            await self._record(visitor, REFUSED, None, "wrong name or password")
            raise LogInRefused("Login failed")
        if not await AdminUser.may_enter(user_id):
            await self._record(visitor, REFUSED, user_id, "not active, or not an administrator")
            raise LogInRefused("Login failed")
        if await self.second_factor.is_on(user_id):
            of_codes = [] if browser else [code_budget(user_id)]
            await self._look_at_code(visitor, user_id, code, of_codes)
            budgets = [*budgets, *of_codes]
        await self.limits.give_back(budgets)
        await AdminUser.note_log_in(user_id)
        await self._record(visitor, LOGGED_IN, user_id, None)
        return user_id

    async def _look_at_code(
        self, visitor: Visitor, user_id: int, code: str | None, budgets: Sequence[TryBudget]
    ) -> None:
        if code is None:
            await self._record(visitor, HALF_WAY, user_id, "the password is right, the code is missing")
            raise LogInRefused("MFA code required")
        await self._take(visitor, budgets)
        actor = Actor(kind="admin", id=str(user_id), ip=visitor.ip, request_id=visitor.request_id)
        if not await self.second_factor.use(actor, user_id, visitor.logged_name, code):
            await self._record(visitor, REFUSED, user_id, "wrong code")
            raise LogInRefused("MFA failed")

    async def _take(self, visitor: Visitor, budgets: Sequence[TryBudget]) -> None:
        try:
            await self.limits.take(budgets)
        except TooManyTries as refusal:
            # Once for each budget: a flood must not fill the log that nobody may empty.
            await self._record(visitor, REFUSED, None, "too many tries", is_kept=refusal.first)
            raise

    async def _record(
        self, visitor: Visitor, action: str, user_id: int | None, reason: str | None, *, is_kept: bool = True
    ) -> None:
        """Records a try in the log, and if it `is_kept` in the audit log."""
        level = log.info if action == LOGGED_IN else log.warning
        level(action, name=visitor.logged_name, address=visitor.ip, reason=reason, request_id=visitor.request_id)
        if not is_kept:
            return
        number = None if user_id is None else str(user_id)
        actor = Actor(kind="admin", id=number, reason=reason, ip=visitor.ip, request_id=visitor.request_id)
        async with self._database.connection() as connection:
            await record(connection, actor, action, guild_ids=[None], target=visitor.logged_name, changes={})
