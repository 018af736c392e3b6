"""A JSON Schema as a tree of nodes that can be walked beside a value, local references followed."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import jsonschema_rs

from api.lib.faults import Path
from api.lib.json import JsonObject, JsonValue

PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=2 * 1024 * 1024)

# keywords that say more about the same value, about a part of it, or about nothing by themselves
IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas"})
PARTS = frozenset(
    {
        *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
        *("items", "prefixItems", "unevaluatedItems", "contains", "propertyNames", "contentSchema"),
    }
)
_SHELVES = frozenset({"$defs", "definitions"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"}) | _SHELVES
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SPEAKS_FOR_OTHERS = IN_PLACE | {"$ref", "$dynamicRef"}

JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": (int, float),
    "null": type(None),
}


class Node(NamedTuple):
    """One subschema that is an object, and its path from the root."""

    path: Path
    schema: JsonObject


class SchemaTree:
    """All nodes of a schema that its meta-schema accepts; what is broken otherwise is skipped."""

    def __init__(self, root: JsonObject) -> None:
        self.root = Node((), root)
        self.nodes: dict[Path, Node] = {}
        self._anchors: dict[str, Node] = {}
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            self.nodes[node.path] = node
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(name := node.schema.get(keyword), str):
                    self._anchors[name] = node
            waiting.extend(child for _, child in subschemas(node))

    def find(self, reference: str) -> Node | None:
        """The node that a local reference (`#`, `#/$defs/colour`, `#anchor`) names."""
        fragment = unquote(reference.removeprefix("#"))
        if not fragment.startswith("/"):
            return self._anchors.get(fragment) if fragment else self.root
        tokens = [token.replace("~1", "/").replace("~0", "~") for token in fragment[1:].split("/")]
        path: Path = ()
        place: JsonValue = self.root.schema
        for token in tokens:
            key: str | int = int(token) if isinstance(place, list) and token.isdecimal() else token
            path = (*path, key)
            place = step(place, key)
        return self.nodes.get(path)

    def targets(self, node: Node) -> Iterator[Node]:
        """The nodes that this node refers to."""
        for keyword in ("$ref", "$dynamicRef"):
            reference = node.schema.get(keyword)
            if isinstance(reference, str) and (target := self.find(reference)):
                yield target

    def structure(self, node: Node) -> list[Node]:
        """The node and all that always holds for the same value: its references and `allOf`."""
        return self._gather(node, lambda each: [*self.targets(each), *_branches(each, ("allOf",))])

    def facets(self, node: Node, value: JsonValue) -> list[Node]:
        """The node and all that may hold for this value: alternatives that do not fit it are left
        out, as long as one does."""
        if _SPEAKS_FOR_OTHERS.isdisjoint(node.schema):
            return [node]

        def more(each: Node) -> Iterator[Node]:
            yield from self.targets(each)
            yield from _branches(each, ("allOf", "then", "else", "dependentSchemas"))
            branches = list(_branches(each, ("anyOf", "oneOf")))
            yield from [branch for branch in branches if self.fits(branch, value)] or branches

        return self._gather(node, more)

    def alternatives(self, node: Node) -> list[Node]:
        """The node and all that may hold for any value in the same place."""
        keywords = ("allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas")
        return self._gather(node, lambda each: [*self.targets(each), *_branches(each, keywords)])

    def fits(self, node: Node, value: JsonValue) -> bool:
        """Whether the value is of the node's type and has its constant members: what tells
        the branches of a union apart. It need not be valid."""
        for facet in self.structure(node):
            types = declared_types(facet.schema)
            if types and not any(_is_of(value, name) for name in types):
                return False
            if isinstance(value, dict) and not _has_constants(facet.schema, value):
                return False
        return True

    def part(self, facets: Iterable[Node], key: str | int, value: JsonValue) -> list[Node]:
        """All that may hold for the member or item `key`, of this value; empty where nothing is said."""
        found: dict[Path, Node] = {}
        for facet in facets:
            for child in _parts(facet, key):
                found |= {each.path: each for each in self.facets(child, value)}
        return list(found.values())

    def at(self, path: Path, value: JsonValue) -> list[Node]:
        """All that may hold at the path within the value of the whole."""
        facets = self.facets(self.root, value)
        for key in path:
            value = step(value, key)
            facets = self.part(facets, key, value)
        return facets

    def _gather(self, start: Node, more: Callable[[Node], Iterable[Node]]) -> list[Node]:
        found: dict[Path, Node] = {}
        waiting = [start]
        while waiting:
            node = waiting.pop(0)
            if node.path not in found:
                found[node.path] = node
                waiting.extend(more(node))
        return list(found.values())


def step(value: JsonValue, key: str | int) -> JsonValue:
    """The member or item of a value, None where there is none."""
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def subschemas(node: Node) -> Iterator[tuple[str, Node]]:
    """The subschemas that are objects, each with the keyword that holds it."""
    for keyword in node.schema.keys() & (IN_PLACE | PARTS | _SHELVES):
        for child in _children(node, keyword):
            yield keyword, child


def declared_types(schema: JsonObject) -> list[str]:
    """The names in `type`; empty where it is absent."""
    declared = schema.get("type", [])
    names = declared if isinstance(declared, list) else [declared]
    return [name for name in names if isinstance(name, str)]


def allows_unknown(facets: Iterable[Node]) -> bool:
    """Whether an object may have members that are not named: a map, or one with nothing said."""
    schemas = [facet.schema for facet in facets]
    said = [s[k] for s in schemas for k in ("additionalProperties", "unevaluatedProperties") if k in s]
    if any(extra is not False for extra in said):
        return True
    types = [declared_types(schema) for schema in schemas if "type" in schema]
    takes_objects = not types or any("object" in names for names in types)
    return takes_objects and not said and not any("properties" in schema for schema in schemas)


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> jsonschema_rs.Validator:
    """A validator that finds the pattern in a text in linear time. Raises ValueError."""
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERN_OPTIONS)


def _children(node: Node, keyword: str) -> Iterator[Node]:
    held = node.schema.get(keyword)
    path = (*node.path, keyword)
    if keyword in _MAPS and isinstance(held, dict):
        yield from (Node((*path, name), child) for name, child in held.items() if isinstance(child, dict))
    elif keyword in _LISTS and isinstance(held, list):
        yield from (Node((*path, i), child) for i, child in enumerate(held) if isinstance(child, dict))
    elif isinstance(held, dict) and keyword not in _MAPS:
        yield Node(path, held)


def _branches(node: Node, keywords: Iterable[str]) -> Iterator[Node]:
    for keyword in keywords:
        yield from _children(node, keyword)


def _parts(node: Node, key: str | int) -> list[Node]:
    if isinstance(key, int):
        listed = [child for child in _children(node, "prefixItems") if child.path[-1] == key]
        return listed or list(_branches(node, ("items", "unevaluatedItems")))
    properties = node.schema.get("properties")
    member = properties.get(key) if isinstance(properties, dict) else None
    named = [Node((*node.path, "properties", key), member)] if isinstance(member, dict) else []
    if "patternProperties" not in node.schema:
        return named or list(_branches(node, ("additionalProperties", "unevaluatedProperties")))
    text = key.encode("utf-8", "replace").decode()
    patterned = _children(node, "patternProperties")
    named += [child for child in patterned if matcher(str(child.path[-1])).is_valid(text)]
    return named or list(_branches(node, ("additionalProperties", "unevaluatedProperties")))


def _is_of(value: JsonValue, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, int) and name == "string":
        return True  # an integer may stand for a snowflake
    return isinstance(value, JSON_TYPES.get(name, ()))


def _has_constants(schema: JsonObject, value: JsonObject) -> bool:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return True
    for name, member in properties.items():
        if isinstance(member, dict) and name in value:
            options = [member["const"]] if "const" in member else member.get("enum")
            if isinstance(options, list) and len(options) == 1 and value[name] not in options:
                return False
    return True
