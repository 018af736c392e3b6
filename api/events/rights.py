"""What of an event somebody may be told: no more than its routes would answer them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from api.auth.scopes import Scope

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Right(NamedTuple):
    """`scope`: without it an event's data has those of its members alone that are `free`, which say of what it is."""

    scope: Scope
    free: frozenset[str] = frozenset()


_GUILD = Right(Scope.GUILDS_READ)
_MEMBER = Right(Scope.MEMBERS_READ)

# The scope of the route that tells the same. What is of somebody hidden is told, beside this, to those alone who see
# them: see `Credential.hidden_seen`.
RIGHTS: Mapping[str, Right] = {
    "achievement.revoked": _MEMBER,
    "achievement.unlocked": _MEMBER,
    "guild.created": _GUILD,
    "guild.deleted": _GUILD,
    "guild.restored": _GUILD,
    "guild.updated": _GUILD,
    "import.finished": Right(Scope.MEMBERS_READ, frozenset({"id"})),
    "member.left": _MEMBER,
    "member.level_changed": _MEMBER,
    "member.level_up": _MEMBER,
    "module.updated": Right(Scope.SETTINGS_READ, frozenset({"module"})),
    "settings.updated": Right(Scope.SETTINGS_READ, frozenset({"module", "revision"})),
    "webhook.disabled": Right(Scope.WEBHOOKS_WRITE, frozenset({"id"})),
}

# A newer version's, whose process runs beside this one: nobody is told too much.
_UNKNOWN = Right(Scope.MEMBERS_WRITE)


def right_of(kind: str) -> Right:
    """What the data of events of this type needs."""
    return RIGHTS.get(kind, _UNKNOWN)


def trimmed(kind: str, data: str) -> str:
    """The data, JSON of an object, without what needs the type's scope."""
    free = right_of(kind).free
    return _encode({name: value for name, value in _decode(data).items() if name in free}).decode()
