"""Validation of values by a JSON Schema 2020-12, with every fault at its own place."""

from collections.abc import Iterator

import jsonschema_rs
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, copied
from api.lib.schema_faults import UNKNOWN, error_faults
from api.lib.snowflakes import is_snowflake
from api.settings.nodes import PARTS, PATTERN_OPTIONS, Node, SchemaTree, declared_types, step, subschemas
from api.settings.values import encodable

# A schema may have hundreds of alternatives, and a value thousands of items that fit none of them.
MOST_PLACES = 50_000

_UNTOUCHED = frozenset({"not", "if", "contains", "propertyNames", "contentSchema"})
_CLOSERS = ("additionalProperties", "unevaluatedProperties")


class SchemaValidator:
    """A compiled schema. Nothing is ever fetched, and patterns take linear time.

    Raises ValueError where the schema cannot be compiled."""

    def __init__(self, tree: SchemaTree) -> None:
        self._tree = tree
        self._widest = max((_alternatives(node) for node in tree.nodes.values()), default=1)
        self._compiled = jsonschema_rs.Draft202012Validator(
            strict_copy(tree),
            validate_formats=True,
            formats={"snowflake": is_snowflake},
            pattern_options=PATTERN_OPTIONS,
            offline=True,
        )

    def faults(self, value: JsonValue) -> set[Fault]:
        """All that is wrong with the value; pointers lead into it."""
        try:
            errors = self._errors(value)
        except UnicodeEncodeError:  # half of a surrogate pair, which the engine cannot read
            value = encodable(value)
            errors = self._errors(value)
        explained = {fault for error in errors for fault in self._explained(error, value)}
        return explained or {fault for error in errors for fault in error_faults(error)}

    def _errors(self, value: JsonValue) -> list[ValidationError]:
        """All errors; of what would take long to explain, the first. The engine finds every alternative's
        errors for every item before it gives the first of them."""
        if _places(value) * self._widest <= MOST_PLACES:
            return list(self._compiled.iter_errors(value))
        try:
            self._compiled.validate(value)
        except ValidationError as error:
            return [error]
        return []

    def _explained(self, error: ValidationError, value: JsonValue) -> Iterator[Fault]:
        """The error's faults, but for members that are only unevaluated since an alternative that
        knows them failed. One walk for all members: there may be many thousands."""
        if not isinstance(error.kind, Kind.UnevaluatedProperties):
            yield from error_faults(error)
            return
        place: Path = tuple(error.instance_path)
        facets, holder = self._tree.at(place, value), value
        for key in place:
            holder = step(holder, key)
        for name in error.kind.unexpected:
            if not self._tree.part(facets, name, step(holder, name)):
                yield Fault(readable((*place, name)), UNKNOWN)


def _places(value: JsonValue) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_places, members))


def _alternatives(node: Node) -> int:
    unions = (node.schema.get(keyword) for keyword in ("anyOf", "oneOf"))
    return max((len(union) for union in unions if isinstance(union, list)), default=1)


def strict_copy(tree: SchemaTree) -> JsonObject:
    """A copy that refuses unknown members where the author does not say otherwise, and whose
    snowflakes are strings.

    `unevaluatedProperties` is what is put in, once for each place of a value and never in the
    branches of `allOf`, `anyOf`, … : it sees the members that all of them name together."""
    copy = copied(tree.root.schema)
    waiting = [(tree.root, True)]
    while waiting:
        node, is_place = waiting.pop()
        schema = _lookup(copy, node.path)
        if is_place and _is_half_open(tree, node):
            schema["unevaluatedProperties"] = False
        if node.schema.get("format") == "snowflake":
            _require_string(schema)
        for keyword, child in subschemas(node):
            if keyword not in _UNTOUCHED:
                waiting.append((child, keyword in PARTS))
    return _lookup(copy, ())


def _is_half_open(tree: SchemaTree, node: Node) -> bool:
    """Whether members are named, here or in what holds in the same place, and unknown ones not spoken of."""
    said = any(closer in node.schema for closer in _CLOSERS)
    return not said and any("properties" in each.schema for each in tree.alternatives(node))


def _require_string(schema: JsonObject) -> None:
    types = declared_types(schema)
    if not types:
        schema["type"] = ["string", "null"]
    elif not {"integer", "number"}.isdisjoint(types):
        kept = dict.fromkeys(["string", *types])
        schema["type"] = [name for name in kept if name not in ("integer", "number")]


def _lookup(root: JsonValue, path: Path) -> JsonObject:
    place = root
    for key in path:
        if isinstance(place, list) and isinstance(key, int):
            place = place[key]
        elif isinstance(place, dict):
            place = place[str(key)]
    if not isinstance(place, dict):
        raise TypeError("not a subschema")
    return place
