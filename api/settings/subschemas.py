"""The subschemas of a JSON Schema, and what each one says by itself."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import jsonschema_rs

from api.lib.faults import Path
from api.lib.json import JsonObject, JsonValue

PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=2 * 1024 * 1024)

# Keywords whose subschemas apply to the same value, to a part of it, or (`_DEFINITIONS`) to nothing by themselves.
IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas"})
PARTS = frozenset(
    {
        *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
        *("items", "prefixItems", "unevaluatedItems", "contains", "propertyNames", "contentSchema"),
    }
)
_DEFINITIONS = frozenset({"$defs", "definitions"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"}) | _DEFINITIONS
_ALL = IN_PLACE | PARTS | _DEFINITIONS
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})


class Node(NamedTuple):
    """One subschema that is an object, and its path from the root."""

    path: Path
    schema: JsonObject


def step(value: JsonValue, key: str | int) -> JsonValue:
    """The member or item of a value; None if there is none."""
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def subschemas(node: Node) -> Iterator[tuple[str, Node]]:
    """The subschemas that are objects, each with its keyword."""
    for keyword in node.schema.keys() & _ALL:
        for child in children(node, keyword):
            yield keyword, child


def declared_types(schema: JsonObject) -> list[str]:
    """The names in `type`; empty if it is absent."""
    declared = schema.get("type", [])
    names = declared if isinstance(declared, list) else [declared]
    return [name for name in names if isinstance(name, str)]


def allows_unknown(facets: Iterable[Node]) -> bool:
    """Whether an object may have unnamed members: a map, or one without any such rule."""
    schemas = [facet.schema for facet in facets]
    rules = [s[k] for s in schemas for k in ("additionalProperties", "unevaluatedProperties") if k in s]
    if any(extra is not False for extra in rules):
        return True
    types = [declared_types(schema) for schema in schemas if "type" in schema]
    takes_objects = not types or any("object" in names for names in types)
    return takes_objects and not rules and not any("properties" in schema for schema in schemas)


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> jsonschema_rs.Validator:
    """A validator that searches a text for the pattern in linear time. Raises `ValueError`."""
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERN_OPTIONS)


def children(node: Node, keyword: str) -> Iterator[Node]:
    held = node.schema.get(keyword)
    path = (*node.path, keyword)
    if keyword in _MAPS and isinstance(held, dict):
        yield from (Node((*path, name), child) for name, child in held.items() if isinstance(child, dict))
    elif keyword in _LISTS and isinstance(held, list):
        yield from (Node((*path, i), child) for i, child in enumerate(held) if isinstance(child, dict))
    elif isinstance(held, dict) and keyword not in _MAPS:
        yield Node(path, held)


def branches(node: Node, keywords: Iterable[str]) -> Iterator[Node]:
    for keyword in keywords:
        if keyword in node.schema:
            yield from children(node, keyword)


def parts(node: Node, key: str | int) -> list[Node]:
    if isinstance(key, int):
        listed = [child for child in children(node, "prefixItems") if child.path[-1] == key]
        return listed or list(branches(node, ("items", "unevaluatedItems")))
    properties = node.schema.get("properties")
    member = properties.get(key) if isinstance(properties, dict) else None
    named = [Node((*node.path, "properties", key), member)] if isinstance(member, dict) else []
    if "patternProperties" not in node.schema:
        return named or list(branches(node, ("additionalProperties", "unevaluatedProperties")))
    text = key.encode("utf-8", "replace").decode()
    patterned = children(node, "patternProperties")
    named += [child for child in patterned if matcher(str(child.path[-1])).is_valid(text)]
    return named or list(branches(node, ("additionalProperties", "unevaluatedProperties")))
