"""The gate: the services that authorize a request and look up what its path names. It does not know the features: each
look-up is a function that raises `NotFound`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from litestar import Litestar

from api.auth.actors import Credential
from api.auth.keyring import Keyring
from api.auth.sessions import Session, Sessions
from api.auth.slots import Slots
from api.http.rate_limits import Limiter
from api.idempotency.store import Idempotency

_NAME = "gate"


class Access(Protocol):
    """The rights of people who are logged in."""

    @staticmethod
    def anywhere(session: Session) -> Credential:
        """The person with all scopes that people can have, in no guild yet."""
        ...

    async def narrowed(self, session: Session, path: dict[str, str], *, write: bool) -> Credential:
        """The person's credential for a path. Raises `NotFound`, `Forbidden`, `DiscordAway`."""
        ...


class FindAchievement(Protocol):
    async def __call__(self, guild_id: int, key: str, *, deleted: bool, anywhere: bool) -> object:
        """`deleted`: a deleted achievement counts. `anywhere`: one of the whole installation counts."""
        ...


class FindModule(Protocol):
    async def __call__(self, name: str, *, may_be_new: bool) -> object:
        """`may_be_new`: the module need not exist, but its name must be possible."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one process."""

    keyring: Keyring
    sessions: Sessions
    access: Access | None  # None if log-in is not configured
    limiter: Limiter
    slots: Slots
    idempotency: Idempotency
    public_url: str | None
    find_guild: Callable[[int], Awaitable[object]]
    find_key: Callable[[Credential, int], Awaitable[object]]
    find_webhook: Callable[[int, int], Awaitable[object]]
    find_achievement: FindAchievement
    find_module: FindModule


def put_gate(app: Litestar, gate: Gate) -> None:
    """Sets the gate of an application."""
    app.state[_NAME] = gate


def gate_of(app: Litestar) -> Gate:
    """The gate of an application."""
    found: Gate = app.state[_NAME]
    return found
