"""Reads bodies, and says all that is wrong with one that does not fit.

Every body is a msgspec struct, decoded straight from the bytes. Only when that fails is the
body read a second time, against the struct's JSON Schema, to tell all its faults at once.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import islice

import jsonschema_rs
import msgspec

from api.errors import Invalid, UnreadableBody
from api.lib import formats, snowflakes
from api.lib.faults import Fault
from api.lib.json import JsonValue
from api.lib.schema_faults import error_faults

DEPTH = 32
MOST_FAULTS = 1000
LARGEST_ARRAY = 1000

# A text that never ends is one token too: else each quote in it would be tried, to the end, as a beginning.
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class BodyReader:
    """Decodes one type of body, and explains what is wrong with one that does not fit."""

    def __init__(self, kind: type, deep_member: str | None = None) -> None:
        """`deep_member`: an object among the members that is invalid, not unreadable, where it nests too deep."""
        self._kind = kind
        self._deep_member = deep_member
        self._decode: Callable[[bytes], object] = msgspec.json.Decoder(kind, dec_hook=snowflakes.decode).decode

    def read(self, raw: bytes) -> object:
        """Raises `UnreadableBody`, `Invalid`."""
        if raw.count(b"[") + raw.count(b"{") > DEPTH and is_too_deep(raw):
            if self._deep_member and re.search(rb'"%s"\s*:\s*\{' % self._deep_member.encode(), raw):
                raise Invalid(errors=[Fault(f"/{self._deep_member}", f"nests the body more than {DEPTH} deep")])
            raise UnreadableBody(f"The body is nested more than {DEPTH} deep.")
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise Invalid(errors=self._explain(raw, error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(error)}.") from None

    def _explain(self, raw: bytes, error: msgspec.ValidationError) -> list[Fault]:
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
            raise UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(unreadable)}.") from None
        errors = _validator(self._kind).iter_errors(_shortened(value))
        found = set(islice((fault for error in errors for fault in error_faults(error)), MOST_FAULTS))
        # A format's sentence says it all: that its pattern does not match is no news beside it.
        explained = {fault.pointer for fault in found if fault.message in formats.SENTENCES.values()}
        told = {f for f in found if f.pointer not in explained or f.message in formats.SENTENCES.values()}
        return sorted(told) or [_first_fault(error)]


def _shortened(value: JsonValue) -> JsonValue:
    """The value with at most one item more in each array than any array may have: to tell what is
    wrong with each of a million would hold up everybody."""
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value[: LARGEST_ARRAY + 1]]
    return value


def is_too_deep(raw: bytes) -> bool:
    """Whether arrays and objects nest more than 32 deep, told without decoding."""
    depth = 0
    for token in _tokens.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


@cache
def _validator(kind: type) -> jsonschema_rs.Draft202012Validator:
    schema = msgspec.json.schema(kind, schema_hook=snowflakes.schema)
    return jsonschema_rs.Draft202012Validator(schema, offline=True, validate_formats=True, formats=formats.CHECKS)


def _first_fault(error: msgspec.ValidationError) -> Fault:
    """msgspec's own message: `Expected …, got … - at `$.items[0].id``."""
    text, _, where = str(error).partition(" - at `")
    path = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", where.rstrip("`").removeprefix("$").removeprefix("key in $"))
    return Fault(path.replace(".", "/") if path else "", text[:1].lower() + text[1:])


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "a byte is not UTF-8"
    return str(error).removeprefix("JSON is malformed: ")
