"""Merges defaults, overrides and patches (RFC 7396), as a module's schema says."""

from enum import Enum
from typing import Final, Literal

from api.lib.faults import Path
from api.lib.json import JsonObject, JsonValue, as_object, copied
from api.lib.text import nfc
from api.settings.nodes import SchemaTree
from api.settings.subschemas import Node, declared_types
from api.settings.values import INT_MAX, INT_MIN


class _Missing(Enum):
    MISSING = 0


_MISSING: Final = _Missing.MISSING
_Default = JsonValue | Literal[_Missing.MISSING]


def laid_over(tree: SchemaTree, facets: list[Node], base: JsonObject, overrides: JsonObject) -> JsonObject:
    """The base with the overrides merged in. Unchanged parts are shared, not copied, so the result must not be changed.
    Null is a value here. `facets`: all subschemas that may apply to the overrides."""
    result = dict(base)
    for key, value in overrides.items():
        parts = tree.part(facets, key, value)
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and not is_whole(parts):
            result[key] = laid_over(tree, parts, below, value)
        else:
            result[key] = value
    return result


def patched(tree: SchemaTree, defaults: JsonObject, overrides: JsonObject, patch: JsonObject) -> JsonObject:
    """The overrides with a merge patch applied: null removes an override. An object that becomes empty stays, except
    over a default object, where it would override nothing. Overrides and patch must be normalised."""
    return _patched(tree, tree.facets(tree.root, patch), defaults, overrides, patch)


def _patched(
    tree: SchemaTree, facets: list[Node], defaults: _Default, overrides: JsonObject, patch: JsonObject
) -> JsonObject:
    result = {key: copied(value) for key, value in overrides.items()}
    for key, change in patch.items():
        parts = tree.part(facets, key, change)
        if change is None:
            result.pop(key, None)
        elif not isinstance(change, dict) or is_whole(parts):
            result[key] = copied(change)
        else:
            before = overrides.get(key)
            default = defaults.get(key, _MISSING) if isinstance(defaults, dict) else _MISSING
            base = before if isinstance(before, dict) else {}
            result[key] = after = _patched(tree, parts, default, base, change)
            if not after and isinstance(default, dict):
                del result[key]
    return result


def pruned(tree: SchemaTree, defaults: JsonObject, overrides: JsonObject) -> JsonObject:
    """The overrides without empty objects that override nothing: those over a default object."""
    return _pruned(tree, tree.facets(tree.root, overrides), defaults, overrides)


def _pruned(tree: SchemaTree, facets: list[Node], defaults: JsonObject, overrides: JsonObject) -> JsonObject:
    result: JsonObject = {}
    for key, value in overrides.items():
        parts = tree.part(facets, key, value)
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict) and not is_whole(parts):
            if inner := _pruned(tree, parts, default, value):
                result[key] = inner
        else:
            result[key] = value
    return result


def normalised(tree: SchemaTree, document: JsonObject) -> JsonObject:
    """A copy in the stored form: snowflakes as strings, whole numbers of integer members as integers, text and names in
    NFC."""
    return _normalised_object(tree, tree.facets(tree.root, document), document)


def _normalised_object(tree: SchemaTree, facets: list[Node], document: JsonObject) -> JsonObject:
    named = {nfc(key): value for key, value in document.items()}
    return {key: _normalised(tree, tree.part(facets, key, value), value) for key, value in named.items()}


def _normalised(tree: SchemaTree, facets: list[Node], value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return _normalised_object(tree, facets, value)
        case list():
            return [_normalised(tree, tree.part(facets, index, item), item) for index, item in enumerate(value)]
        case str():
            return nfc(value)
        case int() if not isinstance(value, bool) and INT_MIN <= value <= INT_MAX and takes_snowflake(facets):
            return str(value)
        case float() if value.is_integer() and takes_integer(facets):
            return int(value)
    return value


def takes_snowflake(facets: list[Node]) -> bool:
    """Whether an integer here stands for a snowflake."""
    formats = [facet.schema.get("format") == "snowflake" for facet in facets]
    plain = [facet for facet, is_id in zip(facets, formats, strict=True) if not is_id]
    return any(formats) and not any("integer" in declared_types(facet.schema) for facet in plain)


def takes_integer(facets: list[Node]) -> bool:
    """Whether every number here is an integer."""
    types = {name for facet in facets for name in declared_types(facet.schema)}
    return "integer" in types and "number" not in types


def is_whole(facets: list[Node]) -> bool:
    """Whether the schema replaces this as a whole, and never merges into it."""
    return any(facet.schema.get("x-merge") == "replace" for facet in facets)


def without(tree: SchemaTree, overrides: JsonObject, path: Path) -> JsonObject:
    """The overrides without the value at the path, or without the last override above it: nothing is cut out of an
    array, or out of a value that is replaced as a whole. Unchanged if there is no such override."""
    return _without(tree, tree.facets(tree.root, overrides), overrides, path)


def _without(tree: SchemaTree, facets: list[Node], overrides: JsonObject, path: Path) -> JsonObject:
    key, rest = str(path[0]), path[1:]
    result = dict(overrides)
    if key not in result:
        return result
    member = result.pop(key)
    parts = tree.part(facets, key, member)
    reaches_in = rest and isinstance(member, dict) and str(rest[0]) in member and not is_whole(parts)
    if reaches_in and (left := _without(tree, parts, as_object(member), rest)):
        result[key] = left
    return result
