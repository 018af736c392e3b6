"""Rows of other bots' files: their shapes, and the member that each of them becomes."""

import msgspec
from msgspec import UNSET, UnsetType

from api.lib.json import JsonValue
from api.lib.snowflakes import Snowflake
from api.members.names import GivenNames, is_avatar

Number = int | float


class ImportedMember(msgspec.Struct, frozen=True):
    """What a row says of a member; None is left alone."""

    user_id: int
    xp: int | None = None
    level: int | None = None
    messages: int | None = None
    hidden: bool = False
    names: GivenNames = GivenNames()


class Mee6Player(msgspec.Struct, frozen=True):
    id: Snowflake
    xp: Number | None = None
    level: Number | None = None
    message_count: Number | None = None
    username: JsonValue = None  # and all names: what is no text refuses no row
    avatar: JsonValue = None
    detailed_xp: JsonValue = None  # XP within the level, cost of the next, total: read only without `xp`


class AmariMember(msgspec.Struct, frozen=True):
    id: Snowflake
    exp: Number | None = None
    level: Number | None = None
    username: JsonValue = None


class TatsuRanking(msgspec.Struct, frozen=True):
    user_id: Snowflake
    score: Number | None = None


class LurkrUser(msgspec.Struct, frozen=True, rename="camel"):
    id: Snowflake
    username: JsonValue = None
    global_name: JsonValue = None
    avatar: JsonValue = None


class LurkrLevel(msgspec.Struct, frozen=True, rename="camel"):
    user_id: Snowflake | None = None
    user: LurkrUser | None = None
    xp: Number | None = None
    level: Number | None = None
    message_count: Number | None = None


class PolarisUser(msgspec.Struct, frozen=True, rename="camel"):
    id: Snowflake | None = None
    xp: Number | None = None
    hidden: bool | None = None
    username: JsonValue = None
    display_name: JsonValue = None


def names_in_file(username: JsonValue = None, display_name: JsonValue = None, avatar: JsonValue = None) -> GivenNames:
    """Names of another bot's file. What is no text, or empty, says nothing, and refuses no row."""
    hash_ = avatar if isinstance(avatar, str) and is_avatar(avatar) else UNSET
    return GivenNames(_text(username), _text(display_name), hash_)


def _text(value: JsonValue) -> str | UnsetType:
    return value if isinstance(value, str) and value.strip() else UNSET
