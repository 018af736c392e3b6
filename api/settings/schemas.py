"""Validates the JSON Schema of a module, and collects its defaults."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

import jsonschema_rs

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, copied
from api.lib.schema_faults import error_faults
from api.lib.text import nfc
from api.settings.merging import is_whole, laid_over
from api.settings.nodes import SchemaTree
from api.settings.subschemas import IN_PLACE, Node, declared_types, matcher, subschemas
from api.settings.values import text_problem, value_faults

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_PROPERTIES = 500
MAX_LEVELS = 16
MAX_NAME = 64
MAX_EXPANSION = 20_000
MAX_REFERENCES = 128
MAX_PATTERNS = 100  # each may take 2 MiB when compiled
PREFIX = "schema"
_CHOICES: dict[str, tuple[str, ...]] = {"x-ref": ("role", "channel", "user"), "x-merge": ("replace",)}


class InvalidSchema(Exception):
    """The schema of a module is refused. `faults` has the reasons, with their places under `/schema`."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("; ".join(f"{fault.pointer} {fault.message}" for fault in self.faults))


def checked(schema: JsonObject) -> tuple[SchemaTree, JsonObject]:
    """The schema as a tree, and its default values, which are not validated yet. Raises `InvalidSchema`."""
    if faults := value_faults(schema, (PREFIX,)):
        raise InvalidSchema(faults)
    if faults := list(_meta_faults(schema)):
        raise InvalidSchema(faults)
    tree = SchemaTree(schema)
    nodes = tree.nodes.values()
    unwalkable = list(_size_faults(tree)) or list(chain.from_iterable(map(_pattern_faults, nodes)))
    if not unwalkable:
        unwalkable += _loop_faults(tree)
    defaults = _Defaults(tree)
    values = {} if unwalkable else defaults.of_object(tree.structure(tree.root), ())
    faults = [*_root_faults(schema), *_reference_faults(tree), *unwalkable, *defaults.faults]
    faults += chain.from_iterable(map(_node_faults, nodes))
    if faults:
        raise InvalidSchema(faults)
    return tree, values


def default_fault(tree: SchemaTree, fault: Fault) -> Fault:
    """A fault of a default value, moved to the `default` in the schema that sets the value."""
    nodes, place = tree.structure(tree.root), tree.root.path
    for token in fault.pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        found = [node for parent in nodes for node in _members(parent).get(name, [])]
        nodes = [each for node in found for each in tree.structure(node)]
        given = [node.path for node in nodes if "default" in node.schema]
        place = (*given[0], "default") if given else place
    return _fault(place, f"has a default that {fault.message}")


class _Defaults:
    """Collects the default of every property of an object schema, at every level. A property without a default is a
    fault."""

    def __init__(self, tree: SchemaTree) -> None:
        self._tree = tree
        self.faults: list[Fault] = []

    def of_object(self, facets: list[Node], above: tuple[Path, ...]) -> JsonObject:
        """The defaults of an object: its own, laid over those of its members.

        `facets`: all subschemas that always apply to it. `above`: the objects that contain it."""
        here = facets[0].path
        if here in above or len(above) >= MAX_LEVELS:
            problem = "contains itself without end" if here in above else f"is more than {MAX_LEVELS} deep"
            self.faults.append(_fault(here, f"{problem}, as an object of objects"))
            return {}
        members: dict[str, list[Node]] = {}
        for facet in facets:
            for name, nodes in _members(facet).items():
                members.setdefault(name, []).extend(nodes)
            self.faults += _boolean_faults(facet)
        values = {name: self._of_member(nodes, (*above, here)) for name, nodes in members.items()}
        own, place = _own_default(facets)
        if own is not None and not isinstance(own, dict):
            self.faults.append(_fault(place, "is not an object: the default of an object must be an object"))
        return laid_over(self._tree, facets, values, own) if isinstance(own, dict) else values

    def _of_member(self, nodes: list[Node], above: tuple[Path, ...]) -> JsonValue:
        found = {each.path: each for node in nodes for each in self._tree.structure(node)}
        facets = list(found.values())
        if _is_object(facets):
            return self.of_object(facets, above)
        if not any("default" in facet.schema for facet in facets):
            self.faults.append(_fault(facets[0].path, "has no default"))
        return copied(_own_default(facets)[0])


def _fault(path: Path, message: str) -> Fault:
    return Fault(readable((PREFIX, *path)), message)


def _members(node: Node) -> dict[str, list[Node]]:
    """The properties that this node names, without boolean schemas."""
    children = (child for keyword, child in subschemas(node) if keyword == "properties")
    return {str(child.path[-1]): [child] for child in children}


def _own_default(facets: list[Node]) -> tuple[JsonValue, Path]:
    for facet in facets:
        if "default" in facet.schema:
            return facet.schema["default"], (*facet.path, "default")
    return None, ()


def _is_object(facets: list[Node]) -> bool:
    """Whether this is an object whose members are settings of their own."""
    types = [declared_types(facet.schema) for facet in facets if "type" in facet.schema]
    named = any("properties" in facet.schema for facet in facets)
    return named and all("object" in names for names in types) and not is_whole(facets)


def _boolean_faults(node: Node) -> Iterator[Fault]:
    properties = node.schema.get("properties")
    for name, member in properties.items() if isinstance(properties, dict) else ():
        if isinstance(member, bool):
            yield _fault((*node.path, "properties", name), "is not a schema in the form of an object")


@lru_cache(maxsize=1)
def _meta_schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, validate_formats=True, offline=True)


def _meta_faults(schema: JsonObject) -> Iterator[Fault]:
    for error in _meta_schema().iter_errors(schema):
        for fault in error_faults(error):
            yield Fault(f"/{PREFIX}{fault.pointer}", fault.message)


def _root_faults(schema: JsonObject) -> Iterator[Fault]:
    if schema.get("$schema", DIALECT) not in (DIALECT, f"{DIALECT}#"):
        yield _fault(("$schema",), f"is not {DIALECT}")
    if schema.get("type") != "object":
        yield _fault(("type",), 'is not "object": the top level of a module must be an object')
    if "properties" not in schema:
        yield _fault(("properties",), "is required")


def _node_faults(node: Node) -> Iterator[Fault]:
    if "$id" in node.schema:
        yield _fault((*node.path, "$id"), "is not possible in a module's schema")
    for keyword, choices in _CHOICES.items():
        if keyword in node.schema and node.schema[keyword] not in choices:
            yield _fault((*node.path, keyword), f"is not one of {', '.join(choices)}")
    properties = node.schema.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not 1 <= len(name) <= MAX_NAME or text_problem(name) or not name.isprintable():
            message = f"has a name that is not 1 to {MAX_NAME} characters without control characters"
            yield _fault((*node.path, "properties", name), message)
        elif nfc(name) != name:
            yield _fault((*node.path, "properties", name), "has a name that is not in Unicode form NFC")


def _pattern_faults(node: Node) -> Iterator[Fault]:
    patterns: list[tuple[Path, JsonValue]] = [((*node.path, "pattern"), node.schema.get("pattern"))]
    named = node.schema.get("patternProperties")
    names = list(named) if isinstance(named, dict) else []
    patterns += [((*node.path, "patternProperties", name), name) for name in names]
    for path, pattern in patterns:
        try:
            if isinstance(pattern, str):
                matcher(pattern)
        except ValueError:
            message = "is not a regular expression that can be matched in linear time: no look-around, no"
            yield _fault(path, f"{message} back-references, no huge repetitions")


def _reference_faults(tree: SchemaTree) -> Iterator[Fault]:
    for node in tree.nodes.values():
        for keyword in ("$ref", "$dynamicRef"):
            reference = node.schema.get(keyword)
            if not isinstance(reference, str):
                continue
            if not reference.startswith("#"):
                yield _fault(
                    (*node.path, keyword), "refers to another document; only references that begin with # are possible"
                )
            elif tree.find(reference) is None:
                yield _fault((*node.path, keyword), "refers to no subschema")


def _loop_faults(tree: SchemaTree) -> Iterator[Fault]:
    """References that lead back to themselves without descending into the value."""
    for start in tree.nodes.values():
        seen: set[Path] = set()
        waiting = list(tree.targets(start))
        while waiting:
            node = waiting.pop()
            if node.path not in seen:
                seen.add(node.path)
                waiting += tree.targets(node)
                waiting += [child for keyword, child in subschemas(node) if keyword in IN_PLACE]
        if start.path in seen:
            yield _fault((*start.path, "$ref"), "refers to itself without end")


def _size_faults(tree: SchemaTree) -> Iterator[Fault]:
    properties = (node.schema.get("properties") for node in tree.nodes.values())
    if sum(len(named) for named in properties if isinstance(named, dict)) > MAX_PROPERTIES:
        yield _fault((), f"has more than {MAX_PROPERTIES} properties")
    patterns = sum("pattern" in node.schema for node in tree.nodes.values())
    maps = (node.schema.get("patternProperties") for node in tree.nodes.values())
    if patterns + sum(len(named) for named in maps if isinstance(named, dict)) > MAX_PATTERNS:
        yield _fault((), f"has more than {MAX_PATTERNS} patterns")
    if _expansion(tree, tree.root, {}, ()) > MAX_EXPANSION:
        yield _fault((), f"has too many references within references, {MAX_EXPANSION} subschemas in all")


def _expansion(tree: SchemaTree, node: Node, known: dict[Path, int], above: tuple[Path, ...]) -> int:
    """The number of subschemas after each reference is replaced by its target. Otherwise a few lines that refer to each
    other twice could keep the validator busy for ever."""
    if len(above) > MAX_REFERENCES:
        return MAX_EXPANSION + 1
    if node.path not in known and node.path not in above:
        children = [child for _, child in subschemas(node)]  # in `$defs` too, because the walk includes them
        inside = (*above, node.path)
        known[node.path] = 1 + sum(_expansion(tree, child, known, inside) for child in (*children, *tree.targets(node)))
    return known.get(node.path, 1)
