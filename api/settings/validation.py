"""Validation of values by a JSON Schema 2020-12, with every fault at its own place."""

from collections.abc import Iterator

import jsonschema_rs
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, as_object, copied
from api.lib.schema_faults import UNKNOWN, error_faults
from api.lib.snowflakes import is_snowflake
from api.settings.effort import looks
from api.settings.nodes import SchemaTree
from api.settings.subschemas import PARTS, PATTERN_OPTIONS, Node, declared_types, step, subschemas
from api.settings.values import encodable, values

# The engine finds every alternative's errors for every item before it gives the first of them, 9 µs each: of what
# could have more than these, the first error has to do.
MOST_EXPLAINED = 5_000

_UNTOUCHED = frozenset({"not", "if", "contains", "propertyNames", "contentSchema"})
# What a reference may stand beside and still be all that holds; and what only one subschema may have.
_SAYS_NOTHING = frozenset(
    {"$ref", "title", "description", "default", "examples", "deprecated", "x-order", "x-group", "x-merge", "$comment"}
)
_OWN = frozenset({"$defs", "definitions", "$anchor", "$dynamicAnchor", "$schema", "$id"})
_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_CLOSERS = ("additionalProperties", "unevaluatedProperties")


class SchemaValidator:
    """A compiled schema. Nothing is ever fetched, and patterns take linear time.

    `looks` says by top-level property how often one place may be looked at. Raises ValueError where the schema
    cannot be compiled, TooManyLooks."""

    def __init__(self, tree: SchemaTree) -> None:
        self._tree = tree
        copy, closed = strict_copy(tree)
        # An object whose unknown members are refused has those that hold beside it looked at once more.
        self.looks = looks(tree, lambda node: id(node.schema) in closed)
        self._compiled = jsonschema_rs.Draft202012Validator(
            copy,
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

    def looks_at(self, value: JsonValue) -> dict[str, int]:
        """The most looks that each member of the value may take, by its name."""
        members = value.items() if isinstance(value, dict) else ()
        in_thread = self.looks[""]
        return {name: values(member) * self.looks.get(name, in_thread) for name, member in members}

    def _errors(self, value: JsonValue) -> list[ValidationError]:
        """All errors; of what would take long to explain, the first."""
        if sum(self.looks_at(value).values()) <= MOST_EXPLAINED:
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


def strict_copy(tree: SchemaTree) -> tuple[JsonObject, set[int]]:
    """A copy that refuses unknown members where the author does not say otherwise, and whose
    snowflakes are strings; and the subschemas, by their identity, that unevaluated members are refused by.

    `unevaluatedProperties` is what is put in, once for each place of a value and never in the
    branches of `allOf`, `anyOf`, … : it sees the members that all of them name together."""
    copy = copied(tree.root.schema)
    closed = {id(node.schema) for node in tree.nodes.values() if not _UNEVALUATED.isdisjoint(node.schema)}
    waiting = [(tree.root, True)]
    while waiting:
        node, is_place = waiting.pop()
        schema = _lookup(copy, node.path)
        if is_place and _is_half_open(tree, node):
            target = _only_target(tree, node)
            if target is None:
                schema["unevaluatedProperties"] = False
                closed.add(id(node.schema))
            else:
                schema["$ref"] = _closed_copy(copy, target)
                closed.add(id(target.schema))
        if node.schema.get("format") == "snowflake":
            _require_string(schema)
        for keyword, child in subschemas(node):
            if keyword not in _UNTOUCHED:
                waiting.append((child, keyword in PARTS))
    return _lookup(copy, ()), closed


def _only_target(tree: SchemaTree, node: Node) -> Node | None:
    """The object that the node does nothing but refer to, if it is open itself."""
    if not ("$ref" in node.schema and node.schema.keys() <= _SAYS_NOTHING):
        return None
    target = next(tree.targets(node), None)
    is_plain = target is not None and "properties" in target.schema and _is_half_open(tree, target)
    return target if is_plain else None


def _closed_copy(root: JsonValue, target: Node) -> str:
    """A reference to the target with its unknown members refused by itself: refused beside the reference,
    whatever is in it would be looked at twice, and twice as often on each level."""
    shelf = as_object(as_object(root).setdefault("$defs", {}))
    name = f"closed {readable(target.path)}"
    own = _lookup(root, target.path)
    shelf[name] = {key: said for key, said in own.items() if key not in _OWN} | {"unevaluatedProperties": False}
    return "#" + readable(("$defs", name)).replace("%", "%25").replace(" ", "%20")


def _is_half_open(tree: SchemaTree, node: Node) -> bool:
    """Whether members are named, here or in what holds in the same place, and unknown ones not spoken of."""
    if _says_of_unknown(node):
        return False
    return any("properties" in each.schema and not _says_of_unknown(each) for each in tree.alternatives(node))


def _says_of_unknown(node: Node) -> bool:
    return any(closer in node.schema for closer in _CLOSERS)


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
