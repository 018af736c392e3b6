"""Decodes bodies, and explains every fault of an invalid one.

Every body is a msgspec struct, decoded straight from the bytes. Only if that fails is the body read a second time,
against the struct's JSON Schema, to find all its faults at once."""

import re
from collections.abc import Callable
from functools import cache
from itertools import islice

import msgspec

from api.errors import Invalid, UnreadableBody
from api.lib import formats, snowflakes
from api.lib.bounds import LONGEST_NUMBER, has_endless_number, is_deeper, overflow
from api.lib.faults import Fault
from api.lib.schema_walk import SchemaWalk
from api.lib.text import without_halves
from api.lib.whole_numbers import decoder

DEPTH = 32
MOST_FAULTS = 1000
MOST_VALUES = 50_000
MOST_EXPLAINED = 20_000


class BodyReader:
    """Decodes one type of body, and explains the faults of an invalid one."""

    def __init__(
        self,
        kind: type,
        deep_member: str | None = None,
        most_values: int = MOST_VALUES,
        *,
        mends_names: bool = False,
    ) -> None:
        """`deep_member`: an object member that makes the body invalid, instead of unreadable, if it nests too deep.
        `mends_names`: halves of surrogate pairs do not make the body unreadable."""
        self.kind = kind
        self._most_values = most_values
        self._deep_member = deep_member
        self._mends_names = mends_names
        self._decode: Callable[[bytes], object] = decoder(kind)

    def read(self, raw: bytes) -> object:
        """Raises `UnreadableBody` or `Invalid`. The bytes and `most_values` bound its time."""
        if (place := overflow(raw, self._most_values, DEPTH)) is not None:
            raise Invalid(errors=[Fault(place, f"has more than {self._most_values} values")])
        if is_deeper(raw, DEPTH, self._most_values):
            if self._deep_member and re.search(rb'"%s"\s*:\s*\{' % self._deep_member.encode(), raw):
                raise Invalid(errors=[Fault(f"/{self._deep_member}", f"nests the body more than {DEPTH} deep")])
            raise UnreadableBody(f"The body is nested more than {DEPTH} deep.")
        if has_endless_number(raw):
            raise UnreadableBody(f"The body has a number of more than {LONGEST_NUMBER} digits.")
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise Invalid(errors=self._explain(raw, error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            mended = without_halves(raw, rb"\u0000") if self._mends_names else raw  # names lose it later
            unreadable = UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(error)}.")
            if mended == raw:
                raise unreadable from None
            return self._read_mended(mended, unreadable)

    def _read_mended(self, raw: bytes, unreadable: UnreadableBody) -> object:
        """The body without halves of surrogate pairs. One in a text that is no name, as in an id, is no less unreadable
        for that."""
        try:
            return self.read(raw)
        except Invalid as invalid:
            if any(isinstance(each, Fault) and each.message == formats.SENTENCES["line"] for each in invalid.errors):
                raise unreadable from None
            raise

    def _explain(self, raw: bytes, error: msgspec.ValidationError) -> list[Fault]:
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
            raise UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(unreadable)}.") from None
        found = set(islice(_walk(self.kind).faults(value, MOST_EXPLAINED), MOST_FAULTS))
        # A format's own sentence is enough. The fault of its pattern at the same place adds nothing.
        explained = {fault.pointer for fault in found if fault.message in formats.SENTENCES.values()}
        reported = {f for f in found if f.pointer not in explained or f.message in formats.SENTENCES.values()}
        return sorted(reported) or [_first_fault(error)]


@cache
def _walk(kind: type) -> SchemaWalk:
    return SchemaWalk(msgspec.json.schema(kind, schema_hook=snowflakes.schema))


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
