"""Snowflakes, Discord's 64-bit ids: a string in every answer, a string or an integer in a request.

The only place that converts between the two. Only the canonical decimal form of 1 … 2^63-1 is an id: not `007`, `1_0`,
`٣`, ` 1` or `1.0`."""

import re
from typing import Any

LARGEST = 2**63 - 1

PATTERN = r"^[1-9][0-9]{0,18}$"
_canonical = re.compile(r"[1-9][0-9]{0,18}", re.ASCII).fullmatch

MESSAGE = "is not an id: a string of decimal digits, 1 to 2^63-1, with no leading zero"


SCHEMA: dict[str, object] = {
    "anyOf": [
        {"type": "string", "pattern": PATTERN, "format": "snowflake"},
        {"type": "integer", "minimum": 1, "maximum": LARGEST},
    ],
    "description": "A snowflake: a string, or an integer if your language has 64-bit integers",
    "examples": ["1234567890123456789"],
}


class Snowflake(int):
    """An id from a request. Answers carry `str(id)`, because msgspec does not encode a subclass of int."""


def parse(text: str) -> int | None:
    """The id in a text; None if the text is no id."""
    if _canonical(text) is None:
        return None
    number = int(text)
    return number if number <= LARGEST else None


def is_snowflake(text: str) -> bool:
    """Whether a text is an id."""
    return parse(text) is not None


def decode(kind: type, value: Any) -> Any:  # msgspec's hook gets any JSON value
    """msgspec's `dec_hook`: makes a `Snowflake` from a string or an integer. Raises `ValueError`, and for another type
    `NotImplementedError`, by which msgspec knows that the hook has no answer."""
    if kind is not Snowflake:
        raise NotImplementedError(kind)
    return Snowflake(number(value))


def number(value: object) -> int:
    """The number of an id in a request. Raises `ValueError`."""
    if type(value) is str and _canonical(value) is not None:
        found = int(value)
    elif type(value) is int:
        found = value
    else:
        found = 0
    if not 0 < found <= LARGEST:
        raise ValueError(MESSAGE)
    return found


def schema(kind: type) -> dict[str, object]:
    """msgspec's `schema_hook`: the JSON Schema of an id in a request. Raises `NotImplementedError` as `decode` does."""
    if kind is not Snowflake:
        raise NotImplementedError(kind)
    return dict(SCHEMA)
