"""What any JSON must be to be stored: text that PostgreSQL can keep, numbers of 64 bits, bounded."""

import math
import unicodedata
from collections.abc import Iterator

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonValue, encoded_size

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
MOST_FAULTS = 1000

TOO_LONG = f"is longer than {MAX_BYTES} bytes as JSON"
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"


def text_problem(text: str) -> str | None:
    """What is wrong with the text, as the end of a sentence; None if it can be stored."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            return "has half of a surrogate pair"
        if category == "Cc" and character not in "\n\t":
            return f"has the control character U+{ord(character):04X}"
    return None


def value_faults(value: JsonValue, prefix: Path = ()) -> list[Fault]:
    """Every text, number and depth in the value that cannot be stored, and its size."""
    faults = [Fault(readable(path), message) for path, message in _problems(value, prefix)]
    if not faults and encoded_size(value) > MAX_BYTES:
        faults.append(Fault(readable(prefix), TOO_LONG))
    return faults


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
        # a float too: PostgreSQL gives 1e300 back as an integer of 301 digits
        yield path, "is a number of more than 64 bits"


def encodable(value: JsonValue) -> JsonValue:
    """A copy that the schema's validator can read: half surrogates become `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        pairs = ((key.encode("utf-8", "replace").decode(), member) for key, member in value.items())
        return {key: encodable(member) for key, member in pairs}
    if isinstance(value, list):
        return [encodable(item) for item in value]
    return value
