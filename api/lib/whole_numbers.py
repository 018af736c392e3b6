"""Decodes JSON into types, with whole numbers in any JSON form: 300, 300.0 and 3e2 are one number.

msgspec accepts only the first as an integer, unless it also accepts strings as numbers. So input that it refuses is
decoded once more, with integers at the places where the type's JSON Schema has an integer. Ids are excluded: a
floating-point number does not have all their digits."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from api.lib import snowflakes
from api.lib.json import JsonObject, JsonValue, as_object

# All digits become one digit, and the characters of a fractional number a point. A regular expression takes 50 times as
# long to find a digit before a point in 8 MB of other digits.
_KINDS = bytes(0x30 if byte in b"0123456789" else 0x2E if byte in b".eE" else 0x20 for byte in range(256))


def _may_be_fractional(raw: bytes) -> bool:
    return b"0." in raw.translate(_KINDS)


class _Place:
    """The schema's knowledge of one place: a whole number, members, items."""

    def __init__(self, schemas: Iterable[JsonObject], root: JsonObject) -> None:
        self._root = root
        plain = [each for schema in schemas for each in _plain(schema, root)]
        types = {str(each.get("type")) for each in plain}
        self.is_whole = "integer" in types and "number" not in types
        self._named: dict[str, list[JsonObject]] = {}
        for each in plain:
            for name, subschema in as_object(each.get("properties", {})).items():
                self._named.setdefault(name, []).append(as_object(subschema))
        self._others = [subschema for each in plain if isinstance(subschema := each.get("additionalProperties"), dict)]
        self._items = [subschema for each in plain if isinstance(subschema := each.get("items"), dict)]
        self._known: dict[str | None, _Place | None] = {}

    def within(self, name: str | None) -> "_Place | None":
        """The place of a member, or (None) of items. None if no whole number can be there."""
        if name not in self._named and name is not None:
            name, schemas = "", self._others
        else:
            schemas = self._items if name is None else self._named[name]
        if name not in self._known:
            place = _Place(schemas, self._root)
            self._known[name] = place if place.asks() else None
        return self._known[name]

    def asks(self) -> bool:
        """Whether a whole number may be here or within."""
        return self.is_whole or bool(self._named or self._others or self._items)

    def of(self, value: JsonValue) -> JsonValue:
        """The value with its whole numbers as integers."""
        if isinstance(value, float):
            return int(value) if self.is_whole and value.is_integer() else value
        if isinstance(value, list):
            place = self.within(None)
            return value if place is None else [place.of(item) for item in value]
        if isinstance(value, dict):
            return {
                name: member if (place := self.within(name)) is None else place.of(member)
                for name, member in value.items()
            }
        return value


def _plain(schema: JsonObject, root: JsonObject) -> Iterator[JsonObject]:
    """The alternatives of a schema, without references and without ids."""
    if isinstance(reference := schema.get("$ref"), str):
        yield from _plain(as_object(as_object(root["$defs"])[reference.removeprefix("#/$defs/")]), root)
    elif isinstance(alternatives := schema.get("anyOf"), list):
        several = [as_object(each) for each in alternatives]
        if not any(each.get("format") == "snowflake" for each in several):
            yield from (plain for each in several for plain in _plain(each, root))
    else:
        yield schema


def decoder(kind: Any) -> Callable[[bytes], Any]:  # a type or a union, and its values
    """A decoder of JSON into this type. It raises what `msgspec.json.decode` raises."""
    strict = msgspec.json.Decoder(kind, dec_hook=snowflakes.decode).decode
    schema = msgspec.json.schema(kind, schema_hook=snowflakes.schema)
    place = _Place([schema], schema)

    def decode(raw: bytes) -> object:
        try:
            return strict(raw)
        except msgspec.ValidationError:
            if not _may_be_fractional(raw):
                raise
        return msgspec.convert(place.of(msgspec.json.decode(raw)), kind, dec_hook=snowflakes.decode)

    return decode
