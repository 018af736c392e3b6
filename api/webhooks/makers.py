"""What a webhook keeps of who made it, or changed it last."""

from api.auth.actors import Actor
from api.auth.scopes import Scope
from api.events.rights import RIGHTS
from tables.auth import ApiKey

# What the data of the stream's events needs.
_BOUNDS = frozenset(right.scope for right in RIGHTS.values())


def bounds_of(actor: Actor) -> list[str]:
    """What bounds what a webhook tells that this actor makes or changes. `members:write` is what shows a guild's
    bot hidden people: what a person makes does not have it."""
    credential = actor.credential
    scopes = _BOUNDS if credential is None else _BOUNDS & credential.scopes
    if actor.hidden_seen() is None:
        scopes |= {Scope.MEMBERS_WRITE}
    return sorted(scopes)


async def key_of(actor: Actor) -> int | None:
    """The first of the keys in the line of this actor's: a webhook that they make or change ends with them."""
    credential = actor.credential
    is_key = credential is not None and credential.user_id is None
    return await ApiKey.first_of(credential.id) if credential is not None and is_key else None
