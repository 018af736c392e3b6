"""A JSON Schema as a tree of nodes that can be walked beside a value, local references followed."""

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
    """What a value must be to be meant by a subschema: of one of the types, with constant members."""

    types: list[str]
    constants: list[tuple[str, JsonValue]]


class SchemaTree:
    """All nodes of a schema that its meta-schema accepts; what is broken otherwise is skipped."""

    def __init__(self, root: JsonObject) -> None:
        self.root = Node((), root)
        self.nodes: dict[Path, Node] = {}
        self._anchors: dict[str, Node] = {}
        # What was found once, by the identity of subschemas, of which there is one each: arrays and maps ask for
        # thousands of members what is the same for all of a type.
        self._facets_known: dict[tuple[int, type, tuple[object, ...]], list[Node]] = {}
        self._telling: dict[int, dict[str, set[JsonValue]]] = {}
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
        """The node and all that always holds for the same value: its references and `allOf`."""
        return self._gather(node, lambda each: [*self.targets(each), *branches(each, ("allOf",))])

    def facets(self, node: Node, value: JsonValue) -> list[Node]:
        """The node and all that may hold for this value: alternatives that do not fit it are left
        out, as long as one does."""
        return self._facets(node, value)[0]

    def _facets(self, node: Node, value: JsonValue) -> tuple[list[Node], bool]:
        """The facets, and whether they hold for every value of the type."""
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
        """What an object has of the constants by which the alternatives here are told apart; empty where none are."""
        telling = self._telling.get(id(node.schema))
        if telling is None:
            telling = {}
            for each in self.alternatives(node):
                for branch in branches(each, ("anyOf", "oneOf")):
                    for name, only in (constant for marks in self._hints(branch) for constant in marks.constants):
                        telling.setdefault(name, set()).add(only)
            self._telling[id(node.schema)] = telling
        return tuple([_hints_of(value, name, constants) for name, constants in telling.items()])

    def alternatives(self, node: Node) -> list[Node]:
        """The node and all that may hold for any value in the same place."""
        keywords = ("allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas")
        return self._gather(node, lambda each: [*self.targets(each), *branches(each, keywords)])

    def fits(self, node: Node, value: JsonValue) -> bool:
        """Whether the value is of the node's type and has its constant members: what tells
        the branches of a union apart. It need not be valid."""
        for types, constants in self._hints(node):
            if types and not any(_is_of(value, name) for name in types):
                return False
            if isinstance(value, dict):
                for name, only in constants:
                    if name in value and value[name] != only:
                        return False
        return True

    def _hints(self, branch: Node) -> list["_Marks"]:
        """By what the branch of a union is told from others."""
        found = self._marks.get(id(branch.schema))
        if found is None:
            schemas = [facet.schema for facet in self.structure(branch)]
            found = [_Marks(declared_types(schema), list(_constants(schema))) for schema in schemas]
            found = self._marks[id(branch.schema)] = [marks for marks in found if marks.types or marks.constants]
        return found

    def part(self, facets: list[Node], key: str | int, value: JsonValue) -> list[Node]:
        """All that may hold for the member or item `key`, of this value; empty where nothing is said."""
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
        """All that may hold at the path within the value of the whole."""
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
        return True  # an integer may stand for a snowflake
    return isinstance(value, JSON_TYPES.get(name, ()))


def _hints_of(value: JsonObject, name: str, constants: set[JsonValue]) -> object:
    """The member, where it is one of the constants; else whether there is one."""
    if name not in value:
        return _Hint.MISSING
    member = value[name]
    return member if not isinstance(member, (dict, list)) and member in constants else _Hint.OTHER


def _constants(schema: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    """The members that may have one scalar value only."""
    properties = schema.get("properties")
    for name, member in properties.items() if isinstance(properties, dict) else ():
        if isinstance(member, dict):
            options = [member["const"]] if "const" in member else member.get("enum")
            if isinstance(options, list) and len(options) == 1 and not isinstance(options[0], (dict, list)):
                yield name, options[0]


def _which(facets: list[Node], key: str | int) -> str | int | None:
    """What of the key it depends on what holds for its member: the key itself, where the schema names it; nothing;
    or `_EACH`, where patterns have to be tried."""
    if isinstance(key, int):
        return key if any("prefixItems" in facet.schema for facet in facets) else None
    if any("patternProperties" in facet.schema for facet in facets):
        return _EACH
    named = (facet.schema.get("properties") for facet in facets)
    return key if any(isinstance(names, dict) and key in names for names in named) else None
