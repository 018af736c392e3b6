"""The rights that a key may give to another: never more than its own. Pure."""

from collections.abc import Collection, Sequence
from datetime import MAXYEAR, datetime

from msgspec import UNSET

from api.auth.scopes import Scope
from api.errors import Forbidden
from api.keys.dtos import NAME_CHARACTERS, CreateKey
from api.lib.faults import Fault
from api.lib.formats import SENTENCES, is_name
from api.lib.text import too_long

DEFAULT_RATE_LIMIT = 6000

# A request counts against the budget of its key, of the key that made it, and so on.
MOST_GENERATIONS = 8


def faults(data: CreateKey, now: datetime) -> list[Fault]:
    """The faults of a request for a key, whoever makes it."""
    found = too_long("/name", data.name, NAME_CHARACTERS)
    if not is_name(data.name):  # from a command line: no body brings halves of surrogate pairs
        found.append(Fault("/name", SENTENCES["name"]))
    expires_at = None if data.expires_at is UNSET else data.expires_at
    if expires_at is not None and expires_at <= now:
        found.append(Fault("/expires_at", "is not in the future"))
    elif expires_at is not None and expires_at.year >= MAXYEAR:
        found.append(Fault("/expires_at", "is too far in the future; use null for never"))
    return found


def granted_rate_limit(data: CreateKey, own: int | None) -> int | None:
    """The new key's requests a minute; None for no limit. `own`: its maker's. Raises `Forbidden`."""
    if data.rate_limit is not UNSET:
        refuse_faster(data.rate_limit, own)
        return data.rate_limit
    return DEFAULT_RATE_LIMIT if own is None else min(DEFAULT_RATE_LIMIT, own)


def granted_expiry(data: CreateKey, own: datetime | None) -> datetime | None:
    """The new key's expiry; None for never. `own`: its maker's. Raises `Forbidden`."""
    if data.expires_at is UNSET:
        return own
    if own is not None and (data.expires_at is None or data.expires_at > own):
        raise Forbidden(f"`expires_at` is later than its maker's own, which is {own:%Y-%m-%dT%H:%M:%SZ}.")
    return data.expires_at


def refuse_faster(rate_limit: int | None, own: int | None) -> None:
    """Raises `Forbidden`."""
    if own is not None and (rate_limit is None or rate_limit > own):
        raise Forbidden(f"`rate_limit` is higher than its maker's own, which is {own} a minute.")


def refuse_sight_of_hidden_people(data: CreateKey) -> None:
    """For a person who makes a key. Raises `Forbidden` for a scope with which keys see hidden people, since people do
    not."""
    if Scope.MEMBERS_WRITE in data.scopes:
        raise Forbidden(f"A key with `{Scope.MEMBERS_WRITE}` sees hidden people, so only keys can make one.")


def refuse_more_than_own(
    data: CreateKey, guild_ids: Sequence[int] | None, *, scopes: Collection[Scope], guilds: Collection[int] | None
) -> None:
    """Raises `Forbidden` for scopes or guilds that its maker lacks. None means all guilds."""
    if surplus := sorted(set(data.scopes).difference(scopes)):
        raise Forbidden(f"Its maker lacks scopes of the new key: {', '.join(surplus)}.")
    if guilds is not None and (guild_ids is None or not set(guild_ids).issubset(guilds)):
        raise Forbidden("This key has a list of guilds: `guild_ids` may name only guilds of that list.")
