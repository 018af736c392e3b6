"""What a file calls its members, and their avatars. Pure."""

from msgspec import UNSET, UnsetType

from api.lib.json import JsonValue
from api.members.names import GivenNames, is_avatar


def names_in_file(username: JsonValue = None, display_name: JsonValue = None, avatar: JsonValue = None) -> GivenNames:
    """Names of another bot's file. What is no text, or empty, says nothing, and refuses no row."""
    hash_ = avatar if isinstance(avatar, str) and is_avatar(avatar) else UNSET
    return GivenNames(_text(username), _text(display_name), hash_)


def _text(value: JsonValue) -> str | UnsetType:
    return value if isinstance(value, str) and value.strip() else UNSET
