"""Faults of an input, and their places."""

from collections.abc import Iterable

import msgspec

LONGEST_NAME = 100  # of a name from a body, in a message


class Fault(msgspec.Struct, frozen=True, order=True):
    """A fault in a body. `pointer` is an RFC 6901 JSON Pointer to the member, even if it is missing or unknown."""

    pointer: str
    message: str


class ParameterFault(msgspec.Struct, frozen=True, order=True):
    """A fault of a query parameter, with its name."""

    parameter: str
    message: str


def pointer(parts: Iterable[str | int], prefix: str = "") -> str:
    """An RFC 6901 pointer from its reference tokens: `["a/b", 0]` is `/a~1b/0`. Names are cut at 100 characters, so a
    refusal is not as long as its request."""
    return prefix + "".join("/" + cut(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def cut(name: str) -> str:
    """A name, cut at 100 characters."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


Path = tuple[str | int, ...]


def readable(path: Path) -> str:
    """The path's pointer, which must be encodable even if a key is not."""
    return pointer(path).encode("utf-8", "replace").decode()
