"""A JSON Schema as a tree of nodes that is walked beside a value. Local references are followed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from api.lib.faults import Path
from api.lib.json import JsonObject, JsonValue
from api.settings.subschemas import IN_PLACE, Node, branches, declared_types, parts, step, subschemas

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

_MOST_KNOWN = 20_000
_EACH = -1

_PartKey = tuple[tuple[int, ...], str | int | None, type]


class _Hint(Enum):
    MISSING = 0
    OTHER = 1


class _Marks(NamedTuple):
    """The marks of a subschema: the types and constant members of a value that means it."""

    types: list[str]
    constants: list[tuple[str, JsonValue]]


class SchemaTree:
    """All nodes of a schema that its meta-schema accepts. Parts that are broken in another way are skipped."""

    def __init__(self, root: JsonObject) -> None:
        self.root = Node((), root)
        self.nodes: dict[Path, Node] = {}
        self._anchors: dict[str, Node] = {}
        # Caches by the identity of subschemas, of which each exists once: the answer for thousands of items or map
        # members is the same for all of one type.
        self._facets_known: dict[tuple[int, type, tuple[object, ...]], list[Node]] = {}
        self._tags: dict[int, dict[str, set[JsonValue]]] = {}
        self._parts_known: dict[_PartKey, list[Node]] = {}
        self._marks: dict[int, list[_Marks]] = {}
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
        """The node and all that always apply to the same value: its references and `allOf`."""
        return self._gather(node, lambda each: [*self.targets(each), *branches(each, ("allOf",))])

    def facets(self, node: Node, value: JsonValue) -> list[Node]:
        """The node and all that may apply to this value. Alternatives that do not fit are left out, unless none
        fits."""
        return self._facets(node, value)[0]

    def _facets(self, node: Node, value: JsonValue) -> tuple[list[Node], bool]:
        """The facets, and whether they apply to every value of the type."""
        if _SPEAKS_FOR_OTHERS.isdisjoint(node.schema):
            return [node], True
        kind = self._kind(node, value) if isinstance(value, dict) else ()
        key = (id(node.schema), type(value), kind)
        if (known := self._facets_known.get(key)) is not None:
            return known, not kind

        def more(each: Node) -> Iterator[Node]:
            yield from self.targets(each)
            yield from branches(each, ("allOf", "then", "else", "dependentSchemas"))
            union = list(branches(each, ("anyOf", "oneOf")))
            yield from [branch for branch in union if self.fits(branch, value)] or union

        found = self._gather(node, more)
        if len(self._facets_known) >= _MOST_KNOWN:
            self._facets_known.clear()
        self._facets_known[key] = found
        return found, not kind

    def _kind(self, node: Node, value: JsonObject) -> tuple[object, ...]:
        """The object's constants that distinguish the alternatives here; empty if there are none."""
        tags = self._tags.get(id(node.schema))
        if tags is None:
            tags = {}
            for each in self.alternatives(node):
                for branch in branches(each, ("anyOf", "oneOf")):
                    for name, only in (constant for marks in self._hints(branch) for constant in marks.constants):
                        tags.setdefault(name, set()).add(only)
            self._tags[id(node.schema)] = tags
        return tuple([_hints_of(value, name, constants) for name, constants in tags.items()])

    def alternatives(self, node: Node) -> list[Node]:
        """The node and all that may apply to any value in the same place."""
        keywords = ("allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas")
        return self._gather(node, lambda each: [*self.targets(each), *branches(each, keywords)])

    def fits(self, node: Node, value: JsonValue) -> bool:
        """Whether the value has the node's type and constant members, which distinguish the branches of a union. It
        need not be valid."""
        for types, constants in self._hints(node):
            if types and not any(_is_of(value, name) for name in types):
                return False
            if isinstance(value, dict):
                for name, only in constants:
                    if name in value and value[name] != only:
                        return False
        return True

    def _hints(self, branch: Node) -> list["_Marks"]:
        """The marks that distinguish the branch of a union from others."""
        found = self._marks.get(id(branch.schema))
        if found is None:
            schemas = [facet.schema for facet in self.structure(branch)]
            found = [_Marks(declared_types(schema), list(_constants(schema))) for schema in schemas]
            found = self._marks[id(branch.schema)] = [marks for marks in found if marks.types or marks.constants]
        return found

    def part(self, facets: list[Node], key: str | int, value: JsonValue) -> list[Node]:
        """All that may apply to the member or item `key` with this value. Empty if the schema does not say."""
        asked = tuple([id(facet.schema) for facet in facets])
        memo = None if (which := _which(facets, key)) is _EACH else (asked, which, type(value))
        if memo is not None and (known := self._parts_known.get(memo)) is not None:
            return known
        found: dict[int, Node] = {}
        is_of_all = True
        for facet in facets:
            for child in parts(facet, key):
                nodes, holds = self._facets(child, value)
                found |= {id(each.schema): each for each in nodes}
                is_of_all &= holds
        result = list(found.values())
        if memo is not None and is_of_all:
            if len(self._parts_known) >= _MOST_KNOWN:
                self._parts_known.clear()
            self._parts_known[memo] = result
        return result

    def at(self, path: Path, value: JsonValue) -> list[Node]:
        """All that may apply at the path within the whole value."""
        facets = self.facets(self.root, value)
        for key in path:
            value = step(value, key)
            facets = self.part(facets, key, value)
        return facets

    def _gather(self, start: Node, more: Callable[[Node], Iterable[Node]]) -> list[Node]:
        found: dict[int, Node] = {}
        waiting = deque([start])
        while waiting:
            node = waiting.popleft()
            if id(node.schema) not in found:
                found[id(node.schema)] = node
                waiting.extend(more(node))
        return list(found.values())


def _is_of(value: JsonValue, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, int) and name == "string":
        return True  # an integer may be a snowflake
    return isinstance(value, JSON_TYPES.get(name, ()))


def _hints_of(value: JsonObject, name: str, constants: set[JsonValue]) -> object:
    """The member's value if it is one of the constants; otherwise whether the member exists."""
    if name not in value:
        return _Hint.MISSING
    member = value[name]
    return member if not isinstance(member, (dict, list)) and member in constants else _Hint.OTHER


def _constants(schema: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    """The members that may have only one scalar value."""
    properties = schema.get("properties")
    for name, member in properties.items() if isinstance(properties, dict) else ():
        if isinstance(member, dict):
            options = [member["const"]] if "const" in member else member.get("enum")
            if isinstance(options, list) and len(options) == 1 and not isinstance(options[0], (dict, list)):
                yield name, options[0]


def _which(facets: list[Node], key: str | int) -> str | int | None:
    """The part of the key that determines the schema of its member: the key itself, if the schema names it; None; or
    `_EACH`, if patterns have to be tried."""
    if isinstance(key, int):
        return key if any("prefixItems" in facet.schema for facet in facets) else None
    if any("patternProperties" in facet.schema for facet in facets):
        return _EACH
    named = (facet.schema.get("properties") for facet in facets)
    return key if any(isinstance(names, dict) and key in names for names in named) else None
