"""Shapes of keys."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.auth.scopes import Scope
from api.lib.pagination import CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.text import TypedName

NAME_CHARACTERS = 100

Moment = Annotated[datetime, Meta(tz=True)]


Name = Annotated[TypedName, Meta(min_length=1, max_length=NAME_CHARACTERS, examples=["my bot"])]
Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=32)]
Expiry = Annotated[
    Moment | None | UnsetType, Meta(description="When the key expires. Null: never. Absent: when its maker expires")
]
RateLimit = Annotated[
    Annotated[int, Meta(ge=1, le=1_000_000)] | None | UnsetType,
    Meta(description="Requests a minute. Null: no limit. Absent: 6,000, or its maker's limit if that is lower"),
]


class CreateKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key. Its rights are limited to those of the key that creates it."""

    name: Name
    scopes: Scopes
    guild_ids: Annotated[
        Annotated[list[Snowflake], Meta(min_length=1, max_length=1000)] | None,
        Meta(
            description=(
                "The guilds that the key sees. Null: every guild; only a key without a list of guilds may set that"
            )
        ),
    ] = None
    expires_at: Expiry = UNSET
    rate_limit: RateLimit = UNSET


class CreateGuildKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key for one guild. Its rights are limited to those of its maker there."""

    name: Name
    scopes: Scopes
    expires_at: Expiry = UNSET
    rate_limit: RateLimit = UNSET

    def for_guild(self, guild_id: int) -> CreateKey:
        """The request for a key with this guild as its list."""
        return CreateKey(self.name, self.scopes, [Snowflake(guild_id)], self.expires_at, self.rate_limit)


class RotateKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old key continues to work beside the new one."""

    grace_seconds: Annotated[int, Meta(ge=0, le=604_800)] = 86_400


class KeyView(msgspec.Struct, frozen=True, omit_defaults=False):
    """A key. Only the answer to its creation has `secret`, the whole key. `parent_id` is the key that made it: it ends
    with that key, and spends from its budget."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    guild_ids: list[str] | None
    expires_at: datetime | None
    rate_limit: int | None
    parent_id: str | None
    created_at: datetime
    last_used_at: datetime | None
    secret: (
        Annotated[str | None, Meta(description="Null in a repeated answer to an `Idempotency-Key`.")] | UnsetType
    ) = UNSET


class GuildKeyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of a guild's keys."""

    limit: Limit = 50
    cursor: CursorText | None = None
    deleted: Annotated[bool, Meta(description="List revoked keys instead")] = False


class KeyQuery(GuildKeyQuery, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of keys."""

    parent_id: Annotated[Snowflake | None, Meta(description="Only keys that this key made")] = None
