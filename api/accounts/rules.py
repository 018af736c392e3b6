"""What a person may do in a guild, by Discord's answer and the guild's settings. Pure."""

import re
from collections.abc import Collection
from enum import IntEnum

from api.auth.scopes import Scope

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5


class Level(IntEnum):
    """The levels of a person's rights in a guild; each includes those below it."""

    NONE = 0
    READER = 1
    WRITER = 2
    MANAGER = 3


_READER = frozenset(
    {Scope.GUILDS_READ, Scope.SETTINGS_READ, Scope.MEMBERS_READ, Scope.ACHIEVEMENTS_READ, Scope.EVENTS_READ}
)
_WRITER = _READER | {Scope.SETTINGS_WRITE, Scope.MEMBERS_WRITE, Scope.ACHIEVEMENTS_WRITE}
_MANAGER = _WRITER | {Scope.GUILDS_WRITE, Scope.WEBHOOKS_WRITE, Scope.AUDIT_READ, Scope.KEYS_MANAGE}

SCOPES: dict[Level, frozenset[Scope]] = {
    Level.NONE: frozenset(),
    Level.READER: _READER,
    Level.WRITER: _WRITER,
    Level.MANAGER: _MANAGER,
}

# Scopes for the person's own data, outside guilds.
OWN = frozenset({Scope.USERS_EXPORT, Scope.USERS_ERASE})

# All scopes that a person can have. Scopes for bots only (activity, modules) are not among them.
PEOPLES = _MANAGER | OWN


def manages(*, is_owner: bool, permissions: int) -> bool:
    """Whether a member manages the guild: its owner, Administrator or Manage Guild."""
    return is_owner or bool(permissions & (ADMINISTRATOR | MANAGE_GUILD))


def level_by_roles(roles: Collection[int], readers: Collection[int], writers: Collection[int]) -> Level:
    """The level that a member has by their roles."""
    if not writers or set(writers).isdisjoint(roles):
        return Level.READER if not set(readers).isdisjoint(roles) else Level.NONE
    return Level.WRITER


_page = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?\[\]-]{0,510}", re.ASCII).fullmatch


def is_own_page(text: str) -> bool:
    """Whether a text is a path on this server: a log-in redirects nowhere else."""
    return _page(text) is not None
