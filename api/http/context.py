"""The context of one request, from its first byte to its line in the log."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from litestar.types import Message, Scope

from api.auth.actors import Credential
from api.auth.sessions import Session
from api.errors import Unauthorized
from api.http.budgets import Budget
from api.idempotency.claims import Claim
from api.lib.etags import Preconditions

_NAME = "context"


class _Unread:
    """Stands for a body that was not read."""


UNREAD = _Unread()


@dataclass(slots=True)
class RequestContext:
    """The context of a request. The outermost middleware makes it; other code adds what it finds out."""

    request_id: str
    is_head: bool
    is_gone: Callable[[], bool]  # nobody waits for the answer any more
    deadline: asyncio.Timeout | None = None
    leave_slot: Callable[[], None] | None = None

    # The actor and the target.
    credential: Credential | None = None
    session: Session | None = None
    guild_id: int | None = None
    route: str | None = None  # the route's template, where the framework does not know it

    # The input.
    data: object = UNREAD
    query: object = None
    reason: str | None = None
    preconditions: Preconditions | None = None
    idempotency_key: str | None = None

    # The answer.
    budgets: Sequence[Budget] | None = None  # those that this request counts against
    budget: Budget | None = None  # the one in the answer's headers: the one with the least left
    claim: Claim | None = None
    finalize: Callable[[Message], Awaitable[list[Message]]] | None = None  # returns the messages that may be sent now
    problem: str | None = None

    @property
    def caller(self) -> Credential:
        """The credential of the request. Raises `Unauthorized` if none is known."""
        if self.credential is None:
            raise Unauthorized
        return self.credential

    @property
    def logged_in(self) -> Session:
        """The person's session. Raises `Unauthorized` without one."""
        if self.session is None:
            raise Unauthorized
        return self.session

    @property
    def seconds_left(self) -> float | None:
        """The deadline of the request; None without one."""
        until = None if self.deadline is None else self.deadline.when()
        return None if until is None else until - asyncio.get_running_loop().time()

    def give_up_after(self, seconds: float | None) -> None:
        """Moves the deadline to `seconds` from now, or removes it."""
        if self.deadline is not None:
            self.deadline.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    def give_slot_back(self) -> None:
        """Frees the slot for the credential's next request."""
        if self.leave_slot is not None:
            leave, self.leave_slot = self.leave_slot, None
            leave()


def start_context(scope: Scope, context: RequestContext) -> None:
    """Stores the context in the request's scope."""
    scope["state"] = {_NAME: context}


def context_of(scope: Mapping[str, object]) -> RequestContext:
    """The context of a request."""
    return cast("Mapping[str, RequestContext]", scope["state"])[_NAME]
