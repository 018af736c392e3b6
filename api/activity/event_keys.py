"""The key under which an event's id is remembered: 16 bytes, as 32 hexadecimal digits. Pure.

A snowflake, which ids of messages are, is its own key: the number, then zeros. So their keys grow with time, and new
ones are stored next to each other. The key of any other id is the beginning of its SHA-256, with the first bit set. Two
such ids have the same key with a chance of 2^-127. The guild is not part of a key, so an export is good for another
guild, too."""

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from api.lib.snowflakes import LARGEST

DIGEST_PATTERN = r"^[89a-f][0-9a-f]{31}$(?!\n)"

_FIRST_BIT = {digit: f"{int(digit, 16) | 8:x}" for digit in "0123456789abcdef"}
_LAST_NUMBER, _FIRST_HASH, _LAST_HASH = "7" + "f" * 31, "8" + "0" * 31, "f" * 32


class Span(NamedTuple):
    """The keys of one kind that sorted keys have: how many, the first one, and the last one that the kind has."""

    size: int
    first: str
    last: str


def key_of(id_: str) -> str:
    """The key of an event's id. Keys sort as PostgreSQL sorts their UUIDs."""
    if id_.isdecimal() and id_.isascii() and id_[0] != "0" and len(id_) < 20 and (number := int(id_)) <= LARGEST:
        return f"{number:016x}0000000000000000"
    digest = sha256(id_.encode()).hexdigest()
    return _FIRST_BIT[digest[0]] + digest[1:32]


def id_of(key: str) -> str | None:
    """The id of a key that is a snowflake, else None: a hash cannot be turned back."""
    return str(int(key[:16], 16)) if key < _FIRST_HASH else None


def spans(keys: Sequence[str]) -> list[Span]:
    """Sorted keys as one or two spans: snowflakes come first."""
    numbers = bisect_left(keys, _FIRST_HASH)
    found = [Span(numbers, keys[0], _LAST_NUMBER)] if numbers else []
    return found + ([Span(len(keys) - numbers, keys[numbers], _LAST_HASH)] if numbers < len(keys) else [])
