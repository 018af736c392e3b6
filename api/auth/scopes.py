"""Scopes: the rights of a key, and the requirements of a route."""

from enum import StrEnum


class Scope(StrEnum):
    GUILDS_READ = "guilds:read"
    GUILDS_WRITE = "guilds:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    MODULES_WRITE = "modules:write"
    ACTIVITY_WRITE = "activity:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    ACHIEVEMENTS_READ = "achievements:read"
    ACHIEVEMENTS_WRITE = "achievements:write"
    EVENTS_READ = "events:read"
    WEBHOOKS_WRITE = "webhooks:write"
    USERS_EXPORT = "users:export"
    USERS_ERASE = "users:erase"
    KEYS_MANAGE = "keys:manage"
    AUDIT_READ = "audit:read"


ALL = frozenset(Scope)

# By name, for values from the database. A name that this version does not know gives no right.
KNOWN = {scope.value: scope for scope in Scope}
