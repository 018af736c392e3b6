"""Decoded JSON: its types, and copy, equality and size."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None
else:
    JsonValue = Any  # msgspec cannot read a recursive alias, and takes any JSON for Any

JsonObject = dict[str, JsonValue]


def copied(value: JsonValue) -> JsonValue:
    """A deep copy of objects and arrays; scalars are immutable."""
    if isinstance(value, dict):
        return {key: copied(member) for key, member in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def same(one: JsonValue, other: JsonValue) -> bool:
    """Equality as in JSON: `true` is not 1, `1.0` is 1, members have no order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def encoded_size(value: JsonValue) -> int:
    """The bytes of the value as JSON without white space."""
    return len(msgspec.json.encode(value))


def as_object(value: JsonValue) -> JsonObject:
    """The value, which its caller knows to be an object."""
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return value
