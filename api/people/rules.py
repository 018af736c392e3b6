"""What a person may do in a guild, by what Discord and the guild's settings say. Pure."""

import re
from collections.abc import Collection
from enum import IntEnum

from api.auth.scopes import Scope

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5


class Level(IntEnum):
    """How far a person may go in a guild; each level has what those below it have."""

    NONE = 0
    READER = 1
    WRITER = 2
    MANAGER = 3


_READER = frozenset(
    {Scope.GUILDS_READ, Scope.SETTINGS_READ, Scope.MEMBERS_READ, Scope.ACHIEVEMENTS_READ, Scope.EVENTS_READ}
)
_WRITER = _READER | {Scope.SETTINGS_WRITE, Scope.MEMBERS_WRITE, Scope.ACHIEVEMENTS_WRITE}
_MANAGER = _WRITER | {Scope.GUILDS_WRITE, Scope.WEBHOOKS_WRITE, Scope.AUDIT_READ}

SCOPES: dict[Level, frozenset[Scope]] = {
    Level.NONE: frozenset(),
    Level.READER: _READER,
    Level.WRITER: _WRITER,
    Level.MANAGER: _MANAGER,
}

# In no guild: what concerns the person alone.
OWN = frozenset({Scope.USERS_EXPORT, Scope.USERS_ERASE})

# All that a person can ever have. What bots alone do (activity, keys, modules) is not among it.
PEOPLES = _MANAGER | OWN


def manages(*, is_owner: bool, permissions: int) -> bool:
    """Whether Discord says that a member manages the guild: its owner, Administrator or Manage Guild."""
    return is_owner or bool(permissions & (ADMINISTRATOR | MANAGE_GUILD))


def level_by_roles(roles: Collection[int], readers: Collection[int], writers: Collection[int]) -> Level:
    """What a member's roles give who does not manage the guild."""
    if not writers or set(writers).isdisjoint(roles):
        return Level.READER if not set(readers).isdisjoint(roles) else Level.NONE
    return Level.WRITER


_page = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?\[\]-]{0,510}", re.ASCII).fullmatch


def is_own_page(text: str) -> bool:
    """Whether a text is an address within this server: nobody is sent elsewhere after a log-in."""
    return _page(text) is not None
