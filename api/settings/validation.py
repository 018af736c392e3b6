"""Validates values by a JSON Schema 2020-12, with every fault at its own place."""

from collections.abc import Iterator

import jsonschema_rs
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, as_object, copied
from api.lib.schema_faults import UNKNOWN, error_faults
from api.lib.snowflakes import is_snowflake
from api.settings.effort import checks
from api.settings.nodes import SchemaTree
from api.settings.subschemas import PARTS, PATTERN_OPTIONS, Node, declared_types, step, subschemas
from api.settings.values import encodable, values

# The engine finds the errors of every alternative for every item before it returns the first, at 9 µs each. For a value
# that could have more than these, only the first error is explained.
MOST_EXPLAINED = 5_000

_UNTOUCHED = frozenset({"not", "if", "contains", "propertyNames", "contentSchema"})
# Keywords that may stand beside a reference without effect, and keywords that only one subschema may have.
_SAYS_NOTHING = frozenset(
    {"$ref", "title", "description", "default", "examples", "deprecated", "x-order", "x-group", "x-merge", "$comment"}
)
_OWN = frozenset({"$defs", "definitions", "$anchor", "$dynamicAnchor", "$schema", "$id"})
_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_CLOSERS = ("additionalProperties", "unevaluatedProperties")


class SchemaValidator:
    """A compiled schema. It fetches nothing, and its patterns take linear time.

    `checks`: by top-level property, how often one place may be checked. Raises `ValueError` if the schema cannot be
    compiled, and `TooManyChecks`."""

    def __init__(self, tree: SchemaTree) -> None:
        self._tree = tree
        copy, closed = strict_copy(tree)
        # An object that refuses unknown members applies the subschemas beside it once more.
        self.checks = checks(tree, lambda node: id(node.schema) in closed)
        self._compiled = jsonschema_rs.Draft202012Validator(
            copy,
            validate_formats=True,
            formats={"snowflake": is_snowflake},
            pattern_options=PATTERN_OPTIONS,
            offline=True,
        )

    def faults(self, value: JsonValue) -> set[Fault]:
        """All faults of the value. Pointers lead into it."""
        try:
            errors = self._errors(value)
        except UnicodeEncodeError:  # half of a surrogate pair, which the engine cannot read
            value = encodable(value)
            errors = self._errors(value)
        explained = {fault for error in errors for fault in self._explained(error, value)}
        return explained or {fault for error in errors for fault in error_faults(error)}

    def checks_of(self, value: JsonValue) -> dict[str, int]:
        """The most checks that each member of the value may take, by its name."""
        members = value.items() if isinstance(value, dict) else ()
        in_thread = self.checks[""]
        return {name: values(member) * self.checks.get(name, in_thread) for name, member in members}

    def _errors(self, value: JsonValue) -> list[ValidationError]:
        """All errors, or only the first if an explanation would take long."""
        if sum(self.checks_of(value).values()) <= MOST_EXPLAINED:
            return list(self._compiled.iter_errors(value))
        try:
            self._compiled.validate(value)
        except ValidationError as error:
            return [error]
        return []

    def _explained(self, error: ValidationError, value: JsonValue) -> Iterator[Fault]:
        """The error's faults, without members that are only unevaluated because an alternative that knows them failed.
        One walk for all members, because there may be many thousands."""
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
    """A copy that refuses unknown members unless the author says otherwise, and whose snowflakes are strings. Also
    returns the subschemas, by identity, that refuse unevaluated members.

    The copy adds `unevaluatedProperties` once for each place of a value, and never in branches of `allOf`, `anyOf`, … .
    So it sees the members that all branches name together."""
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
    """The object to which the node does nothing but refer, if it accepts unknown members."""
    if not ("$ref" in node.schema and node.schema.keys() <= _SAYS_NOTHING):
        return None
    target = next(tree.targets(node), None)
    is_plain = target is not None and "properties" in target.schema and _is_half_open(tree, target)
    return target if is_plain else None


def _closed_copy(root: JsonValue, target: Node) -> str:
    """A reference to a copy of the target that refuses unknown members itself. A refusal beside the reference would
    check everything in it twice, and twice as often on each level."""
    definitions = as_object(as_object(root).setdefault("$defs", {}))
    name = f"closed {readable(target.path)}"
    own = _lookup(root, target.path)
    definitions[name] = {key: value for key, value in own.items() if key not in _OWN} | {"unevaluatedProperties": False}
    return "#" + readable(("$defs", name)).replace("%", "%25").replace(" ", "%20")


def _is_half_open(tree: SchemaTree, node: Node) -> bool:
    """Whether the schema names members, here or in the same place, and has no rule for unknown ones."""
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
