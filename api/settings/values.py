"""Checks that any JSON can be stored: text that PostgreSQL accepts, numbers of 64 bits, bounded size."""

import math
import re
from collections.abc import Iterator
from itertools import islice

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonValue, encoded_size
from api.lib.text import MOST_MARKS, has_many_marks

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_VALUES = 10_000
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
MOST_FAULTS = 1000

# Control characters other than line feed and tab, and halves of surrogate pairs.
_unstorable = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]").search

TOO_LONG = f"is longer than {MAX_BYTES} bytes as JSON"
TOO_MANY = f"has more than {MAX_VALUES} values in all"
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"


def text_problem(text: str) -> str | None:
    """What is wrong with the text, as the end of a sentence; None if it can be stored."""
    if found := _unstorable(text):
        if found[0] >= "\ud800":
            return "has half of a surrogate pair"
        return f"has the control character U+{ord(found[0]):04X}"
    return f"has more than {MOST_MARKS} combining marks in a row" if has_many_marks(text) else None


def value_faults(value: JsonValue, prefix: Path = ()) -> list[Fault]:
    """The texts, numbers and depths in the value that cannot be stored: the first thousand. A value that is too large
    gets only that fault, and is not examined further."""
    if values(value) > MAX_VALUES:
        return [Fault(readable(_crowded(value, prefix)), TOO_MANY)]
    if stored_size(value) > MAX_BYTES:
        return [Fault(readable(prefix), TOO_LONG)]
    found = islice(_problems(value, prefix), MOST_FAULTS)
    return [Fault(readable(path), message) for path, message in found]


def _crowded(value: JsonValue, path: Path) -> Path:
    """The innermost member with too many values of its own."""
    while isinstance(value, dict):
        name = next((name for name, member in value.items() if values(member) > MAX_VALUES), None)
        if name is None:
            break
        value, path = value[name], (*path, name)
    return path


def stored_size(value: JsonValue) -> int:
    """The bytes of the value as JSON; 0 if it cannot be stored at all."""
    try:
        return encoded_size(value)
    except ValueError:  # a half of a surrogate pair, or a number of thousands of digits: reported at its place
        return 0


def values(value: JsonValue, most: int = MAX_VALUES, depth: int = 0) -> int:
    """The number of values, including the value itself. Stops counting above `most`, or far too deep."""
    if depth > MAX_DEPTH:
        return 1
    count = 1
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        count += values(member, most - count, depth + 1) if isinstance(member, (dict, list)) else 1
        if count > most:
            break
    return count


def _problems(value: JsonValue, path: Path, depth: int = 0) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if problem := text_problem(value):
            yield path, problem
    elif isinstance(value, (dict, list)) and depth >= MAX_DEPTH:
        yield path, TOO_DEEP
    elif isinstance(value, dict):
        for key, member in value.items():
            if problem := text_problem(key):
                yield (*path, key), f"has a name that {problem}"
            yield from _problems(member, (*path, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, (*path, index), depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "is not a finite number"
    elif isinstance(value, (int, float)) and not INT_MIN <= value <= INT_MAX:
        # a float too: PostgreSQL returns 1e300 as an integer of 301 digits
        yield path, "is a number of more than 64 bits"


def encodable(value: JsonValue) -> JsonValue:
    """A copy that the schema's validator can read: halves of surrogate pairs become `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        pairs = ((key.encode("utf-8", "replace").decode(), member) for key, member in value.items())
        return {key: encodable(member) for key, member in pairs}
    if isinstance(value, list):
        return [encodable(item) for item in value]
    return value
