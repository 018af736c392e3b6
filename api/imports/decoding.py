"""A row as its struct, or where it does not fit and why. Pure."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from api.imports.reading import leniently
from api.lib import snowflakes
from api.lib.bounds import overflow
from api.lib.faults import Fault, pointer

T = TypeVar("T")

_decode_any = msgspec.json.decode


class Refused(Exception):
    """A row that cannot be taken, and why."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(pointer, message)


# Of one row: twice what the widest line of an export has, and so few that nothing else waits long for a row.
MOST_VALUES = 20_000
_DEEPEST = 32


def decoded(raw: bytes, decoder: Callable[[bytes], T]) -> T:
    """A row as its struct. Raises `Refused`."""
    if (place := overflow(raw, MOST_VALUES, _DEEPEST)) is not None:
        raise Refused(place, f"holds more than {MOST_VALUES:,} values, with the rest of its row")
    try:
        return leniently(decoder)(raw)
    except msgspec.ValidationError as error:
        path, said = located(str(error))
        raise Refused(path or _id_at(raw), said) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = str(error).removeprefix("JSON is malformed: ") if isinstance(error, msgspec.DecodeError) else "bad text"
        raise Refused("", f"is not readable JSON: {said}") from None


_named = re.compile(r"(?:unknown|required) field `(.*)`")
_place = re.compile(r"\[(\d+)\]")


def located(message: str) -> tuple[str, str]:
    """msgspec's own message, `Expected …, got … - at `$.items[0].id``, as a pointer and a sentence. For
    a member of a mapping, msgspec gives no name: then the pointer leads to the mapping."""
    text, _, where = message.partition(" - at `")
    where = where.removeprefix("key` in `").removeprefix("$").rstrip("`").partition("[...]")[0]
    path = _place.sub(r".\1", where).replace(".", "/")
    if (name := _named.search(text)) is not None:
        path += pointer([name[1]])
        text = "is required" if "required" in text else "is not a known member"
    return path, text[:1].lower() + text[1:]


def _id_at(raw: bytes) -> str:
    """Where the first id is that is none: within a union msgspec does not say. A row whose kind is wrong was read
    no further than that, and may be unreadable behind it."""
    try:
        value = leniently(_decode_any)(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    for name, each in value.items() if isinstance(value, dict) else ():
        if name.endswith("_id") and not _is_id(each):
            return pointer([name])
        if name.endswith("_ids") and isinstance(each, list):
            for place, item in enumerate(each):
                if not _is_id(item):
                    return pointer([name, str(place)])
    return ""


def _is_id(value: object) -> bool:
    try:
        snowflakes.number(value)
    except ValueError:
        return False
    return True
