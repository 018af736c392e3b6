"""The rights on events: a client gets no more of an event than the routes would show. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from api.auth.scopes import Scope

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Right(NamedTuple):
    """`scope`: clients without it get only the members `free` of the data."""

    scope: Scope
    free: frozenset[str] = frozenset()


_GUILD = Right(Scope.GUILDS_READ)
_MEMBER = Right(Scope.MEMBERS_READ)

# The scope of the route that shows the data. Events about hidden people also need the right to see them:
# `Credential.hidden_seen`.
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

# An event of a newer version that runs beside this one: nobody gets too much of it.
_UNKNOWN = Right(Scope.MEMBERS_WRITE)


def right_of(kind: str) -> Right:
    """The right that the data of this type needs."""
    return RIGHTS.get(kind, _UNKNOWN)


def trimmed(kind: str, data: str) -> str:
    """The data, a JSON object, without the members that need the scope."""
    free = right_of(kind).free
    return _encode({name: value for name, value in _decode(data).items() if name in free}).decode()
