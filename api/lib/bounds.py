"""How much a JSON text holds, told before it is decoded: counting costs no more than the most that may be there."""

import re
from itertools import takewhile

from api.lib.faults import LONGEST_NAME, readable

# A text that never ends is one token too: else each quote in it would be tried, to the end, as a beginning.
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL).finditer
_QUOTE, _COMMA, _ARRAY = b'",['


def overflow(raw: bytes, most: int, deepest: int) -> str | None:
    """The pointer of what brings more than `most` values: the outermost array that is open where they are
    passed, else the outermost member. None where there are fewer, or where something nests more than `deepest`
    deep before. Of what is no JSON it says anything."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") < most:
        return None  # each begins a value, unless it stands in a text
    count = 1
    places: list[int | bytes] = []  # where we are: in an array its index, in an object the member's name
    awaits_name = False
    for token in _tokens(raw):
        first = raw[token.start()]
        if first == _QUOTE:
            if awaits_name:
                places[-1] = raw[token.start() + 1 : token.end() - 1]
                awaits_name = False
            continue
        if first in b"]}":
            if places:
                places.pop()
            awaits_name = False
            continue
        if first != _COMMA:
            places.append(0 if first == _ARRAY else b"")
            if len(places) > deepest:
                return None
        elif places and isinstance(index := places[-1], int):
            places[-1] = index + 1
        awaits_name = bool(places) and isinstance(places[-1], bytes)
        count += 1
        if count > most:
            return _pointer(places)
    return None


def _pointer(places: list[int | bytes]) -> str:
    names = [place for place in takewhile(lambda place: isinstance(place, bytes), places) if isinstance(place, bytes)]
    if len(names) == len(places):
        names = names[:1] if len(names) > 1 else []
    return readable(tuple(name[: 8 * LONGEST_NAME].decode("utf-8", "replace") for name in names))
