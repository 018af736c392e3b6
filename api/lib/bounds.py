"""Bounds of a JSON text, checked before it is decoded. A check costs no more than the most that is allowed."""

import re
from array import array
from collections.abc import Iterator
from itertools import accumulate, takewhile

from api.lib.faults import LONGEST_NAME, readable

# A string without an end is one token too. Otherwise each quote in it would be tried as a beginning, up to the end.
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL).finditer
_QUOTE, _COMMA, _ARRAY = b'",['

# Characters of a number. Numbers that can be stored are far shorter. Each digit beyond a machine word costs a decoder
# 50 ns and more, during which no other thread runs.
LONGEST_NUMBER = 400
_STRIDE = 50
_OF_NUMBERS = b"0123456789.eE+-"
_sampled = bytes(0x30 if each in _OF_NUMBERS else 0x20 for each in range(256))
_in_a_row = re.compile(rb"0{8,}").finditer
_texts_and_numbers = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[0-9.eE+-]{1,%d}' % (LONGEST_NUMBER + 1), re.DOTALL
).finditer

_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[{]}")
_STEPS = bytes(1 if each in b"[{" else 255 for each in range(256))  # as signed bytes: one deeper, one back


def has_endless_number(raw: bytes) -> bool:
    """Whether a JSON text has a number of more than some 400 characters. It looks at every fiftieth character only: a
    run of that length has eight of them."""
    if len(raw) <= LONGEST_NUMBER or not any(map(_is_number, _runs(raw))):
        return False
    return any(len(token[0]) > LONGEST_NUMBER and token[0][:1] != b'"' for token in _texts_and_numbers(raw))


def _runs(raw: bytes) -> Iterator[bytes]:
    for run in _in_a_row(raw[::_STRIDE].translate(_sampled)):
        for place in range(run.start(), run.end() - 7):
            yield raw[place * _STRIDE : (place + 7) * _STRIDE]


def _is_number(piece: bytes) -> bool:
    return not piece.strip(_OF_NUMBERS)


def is_deeper(raw: bytes, deepest: int, most: int) -> bool:
    """Whether arrays and objects of a JSON text of at most `most` values nest more than `deepest` deep. The result for
    text that is not JSON means nothing."""
    if raw.count(b"[") + raw.count(b"{") <= deepest:
        return False
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if raw.count(b'"') > 4 * most:
        return False  # each value has a name and a text at most: this is not JSON
    outside = b"".join(raw.split(b'"')[::2])
    steps = array("b", outside.translate(_STEPS, _NO_BRACKETS)[: 2 * most])  # JSON has no more brackets
    return any(map(deepest.__lt__, accumulate(steps)))


def overflow(raw: bytes, most: int, deepest: int) -> str | None:
    """The pointer of the excess if the text has more than `most` values: the outermost array that is open when they are
    exceeded, otherwise the outermost member. None if there are fewer, or if the text first nests more than `deepest`
    deep. The result for text that is not JSON means nothing."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") < most:
        return None  # each begins a value, unless it stands in a string
    count = 1
    places: list[int | bytes] = []  # the current place: in an array its index, in an object the member's name
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
