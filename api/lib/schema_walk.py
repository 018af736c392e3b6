"""Explains the faults of a value by a struct's JSON Schema, which msgspec generates.

The engine gathers all errors of all alternatives before it returns the first one. For a thousand events with two
hundred invalid roles each, that takes minutes. So this module walks objects and arrays itself, lazily, by the few
keywords that msgspec uses for them. It passes only scalars to the engine."""

from collections.abc import Iterator

import jsonschema_rs

from api.lib import formats, snowflakes
from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, as_object
from api.lib.schema_faults import MOST_GUESSES, UNKNOWN, error_faults, nearest

_LONGEST_TEXT = 10_000  # no text in a body may be this long: its beginning breaks the rules as the whole does
_TYPES: dict[type, str] = {dict: "object", list: "array"}
_Place = tuple[JsonObject, JsonValue, Path]


class SchemaWalk:
    """The schema of one type of body. Caches what it derives from the parts, which are few: they come from our own
    code."""

    def __init__(self, schema: JsonObject) -> None:
        self._root = schema
        self._validators: dict[tuple[int, str | None], jsonschema_rs.Draft202012Validator] = {}
        self._common: dict[int, JsonObject] = {}

    def faults(self, value: JsonValue, most_places: int) -> Iterator[Fault]:
        """The faults of the value, lazily. Stops after `most_places` places."""
        waiting: list[Iterator[_Place]] = [iter([(self._root, value, ())])]
        while waiting and most_places > 0:
            place = next(waiting[-1], None)
            if place is None:
                waiting.pop()
                continue
            most_places -= 1
            schema, value, path = self._meant(place[0], place[1]), place[1], place[2]
            if isinstance(value, dict) and schema.get("type") == "object":
                yield from _member_faults(schema, value, path)
                waiting.append(_members(schema, value, path))
            elif isinstance(value, list) and schema.get("type") == "array":
                yield from self._engine_faults(schema, [None] * len(value), path, without="items")
                waiting.append(_items(schema, value, path))
            elif isinstance(value, (dict, list)):  # of the wrong type; its content does not matter
                yield from self._engine_faults(schema, type(value)(), path)
            elif isinstance(value, float) and _is_id(schema):  # 1.0 too, which the engine accepts as an integer
                yield Fault(readable(path), snowflakes.MESSAGE)
            elif isinstance(value, str) and len(value) > _LONGEST_TEXT:
                yield from self._engine_faults(schema, value[: _longest(schema) + 1], path)
            else:
                yield from self._engine_faults(schema, value, path)

    def _meant(self, schema: JsonObject, value: JsonValue) -> JsonObject:
        """The schema without references. Of several alternatives, the one that the object or array must mean."""
        while isinstance(reference := schema.get("$ref"), str):
            schema = as_object(as_object(self._root["$defs"])[reference.removeprefix("#/$defs/")])
        alternatives = schema.get("anyOf")
        if not isinstance(alternatives, list) or not isinstance(value, (dict, list)):
            return schema
        if isinstance(value, dict) and "discriminator" in schema:
            discriminator = as_object(schema["discriminator"])
            tag, mapping = str(discriminator["propertyName"]), as_object(discriminator["mapping"])
            kind = value.get(tag)
            if isinstance(kind, str) and kind in mapping:
                return self._meant({"$ref": mapping[kind]}, value)
            return self._of_any_kind(schema, tag, mapping)
        meant = [self._meant(as_object(each), value) for each in alternatives]
        return next((each for each in meant if each.get("type") == _TYPES[type(value)]), schema)

    def _of_any_kind(self, schema: JsonObject, tag: str, mapping: JsonObject) -> JsonObject:
        """The schema for an object that does not show its alternative: what all alternatives require."""
        if id(schema) not in self._common:
            kinds = [self._meant({"$ref": reference}, None) for reference in mapping.values()]
            named = [as_object(kind["properties"]) for kind in kinds]
            all_names = {name for each in named for name in each}
            alike = {
                name: named[0][name] for name in named[0] if all(each.get(name) == named[0][name] for each in named)
            }
            first = kinds[0]["required"]
            self._common[id(schema)] = {
                "type": "object",
                "properties": {**{name: {} for name in all_names}, **alike, tag: {"enum": [*mapping]}},
                "required": [tag, *(name for name in alike if isinstance(first, list) and name in first)],
                "additionalProperties": False,
            }
        return self._common[id(schema)]

    def _engine_faults(
        self, schema: JsonObject, value: JsonValue, path: Path, without: str | None = None
    ) -> Iterator[Fault]:
        validator = self._validators.get((id(schema), without))
        if validator is None:
            part = {keyword: rule for keyword, rule in schema.items() if keyword != without}
            validator = self._validators[id(schema), without] = jsonschema_rs.Draft202012Validator(
                {**part, "$defs": self._root.get("$defs", {})},
                offline=True,
                validate_formats=True,
                formats=formats.CHECKS,
            )
        if not validator.is_valid(value):
            for error in validator.iter_errors(value):
                for fault in error_faults(error):
                    yield Fault(readable(path) + fault.pointer, fault.message)


def _is_id(schema: JsonObject) -> bool:
    alternatives = schema.get("anyOf")
    several = map(as_object, alternatives if isinstance(alternatives, list) else ())
    return schema.get("format") == "snowflake" or any(map(_is_id, several))


def _longest(schema: JsonObject) -> int:
    longest = schema.get("maxLength")
    return longest if isinstance(longest, int) else _LONGEST_TEXT


def _member_faults(schema: JsonObject, value: JsonObject, path: Path) -> Iterator[Fault]:
    """Missing members and unknown members."""
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in value:
            yield Fault(readable((*path, str(name))), "is required")
    if schema.get("additionalProperties") is False:
        known = as_object(schema["properties"])
        unknown = (name for name in value if name not in known)
        for place, name in enumerate(unknown):
            meant = nearest(name, known) if place < MOST_GUESSES else None
            yield Fault(readable((*path, name)), UNKNOWN if meant is None else f"{UNKNOWN}: `{meant}`?")


def _members(schema: JsonObject, value: JsonObject, path: Path) -> Iterator[_Place]:
    known, others = schema.get("properties"), schema.get("additionalProperties")
    for name, member in value.items():
        subschema = known.get(name, others) if isinstance(known, dict) else others
        if isinstance(subschema, dict):
            yield subschema, member, (*path, name)


def _items(schema: JsonObject, value: list[JsonValue], path: Path) -> Iterator[_Place]:
    subschema = schema.get("items")
    if isinstance(subschema, dict):
        yield from ((subschema, item, (*path, index)) for index, item in enumerate(value))
