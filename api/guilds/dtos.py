"""Shapes of guilds, roles and channels."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.auth.scopes import Scope
from api.lib import formats
from api.lib.pagination import CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.text import Line, TypedName

NAME_CHARACTERS = 100
ICON_CHARACTERS = 255
LARGEST_LIST = 1000

Name = Annotated[TypedName, Meta(min_length=1, max_length=NAME_CHARACTERS)]
ReceivedName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_CHARACTERS,
        description="The name at Discord. Control characters, direction overrides and surrounding blanks are removed."
        " If nothing is left, the name is the id.",
    ),
]
Icon = Annotated[Line, Meta(min_length=1, max_length=ICON_CHARACTERS, description="The hash of its icon")]
Locale = Annotated[
    str,
    Meta(
        pattern=formats.LOCALE,
        description="BCP 47",
        examples=["en-US"],
        extra_json_schema={"format": "locale"},
    ),
]
Timezone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="An IANA name",
        examples=["Europe/Berlin"],
        extra_json_schema={"format": "timezone"},
    ),
]
Position = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class PutGuild(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guild, as the bot knows it. Absent members stay unchanged."""

    name: ReceivedName
    icon: Icon | None | UnsetType = UNSET
    owner_id: Snowflake | None | UnsetType = UNSET
    locale: Locale | None | UnsetType = UNSET
    timezone: Timezone | None | UnsetType = UNSET


class PatchGuild(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A merge patch: absent members stay, null returns a member to its initial value."""

    name: Name | UnsetType = UNSET
    icon: Icon | None | UnsetType = UNSET
    owner_id: Snowflake | None | UnsetType = UNSET
    locale: Locale | None | UnsetType = UNSET
    timezone: Timezone | None | UnsetType = UNSET


class GuildView(msgspec.Struct, frozen=True):
    """A guild. `deleted_at` is set while it can be restored."""

    id: str
    name: str
    icon: str | None
    owner_id: str | None
    locale: str
    timezone: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class GuildQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of guilds."""

    limit: Limit = 50
    cursor: CursorText | None = None
    deleted: Annotated[bool, Meta(description="List deleted ones instead")] = False


class PutRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role."""

    id: Snowflake
    name: ReceivedName
    position: Position = 0
    color: Annotated[int, Meta(ge=0, le=0xFFFFFF, description="RGB as one number")] = 0


class PutRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All roles of the guild. Roles that are not listed are removed."""

    items: Annotated[list[PutRole], Meta(max_length=LARGEST_LIST)]


class PutChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A channel."""

    id: Snowflake
    name: ReceivedName
    type: Annotated[int, Meta(ge=0, le=1000, description="The kind, as Discord numbers it")] = 0
    parent_id: Snowflake | None = None
    position: Position = 0


class PutChannels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All channels of the guild. Channels that are not listed are removed."""

    items: Annotated[list[PutChannel], Meta(max_length=LARGEST_LIST)]


class AccessView(msgspec.Struct, frozen=True):
    """What the key or the person who asks may do in the guild: their scopes there, in alphabetical order. Discord's
    answer about a person may be five minutes old."""

    guild_id: str
    scopes: list[Scope]


class RoleView(msgspec.Struct, frozen=True):
    """A role, as the bot last sent it."""

    id: str
    name: str
    position: int
    color: int


class RolesView(msgspec.Struct, frozen=True):
    """The roles, highest position first."""

    items: list[RoleView]


class ChannelView(msgspec.Struct, frozen=True):
    """A channel, as the bot last sent it."""

    id: str
    name: str
    type: int
    parent_id: str | None
    position: int


class ChannelsView(msgspec.Struct, frozen=True):
    """The channels, by position."""

    items: list[ChannelView]
