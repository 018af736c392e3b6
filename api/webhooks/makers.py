"""The maker of a webhook: the rights and the key of the actor who made it, or changed it last."""

from api.auth.actors import Actor
from api.auth.scopes import Scope
from api.events.rights import RIGHTS
from tables.auth import ApiKey

# The scopes that the data of events needs.
_BOUNDS = frozenset(right.scope for right in RIGHTS.values())


def bounds_of(actor: Actor) -> list[str]:
    """The scopes that bound the data of a webhook that this actor makes or changes. `members:write` shows hidden people
    to a guild's bot, so a person's webhook does not have it."""
    credential = actor.credential
    scopes = _BOUNDS if credential is None else _BOUNDS & credential.scopes
    if actor.hidden_seen() is None:
        scopes |= {Scope.MEMBERS_WRITE}
    return sorted(scopes)


async def key_of(actor: Actor) -> int | None:
    """The first key in the line of the actor's key. A webhook that the actor makes or changes ends with it."""
    credential = actor.credential
    is_key = credential is not None and credential.user_id is None
    return await ApiKey.first_of(credential.id) if credential is not None and is_key else None
