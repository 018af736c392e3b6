"""A bound on validation: how often a schema may check one place of a value, computed before there is a value.

Nested alternatives multiply: ten of them, each with a member that has the same ten again, check a place two members
deep a hundred times. A validator cannot be stopped. So Guildhall bounds the schema before it is used, and each value by
the checks that the schema may make."""

from collections.abc import Callable, Iterator

from api.settings.nodes import SchemaTree
from api.settings.subschemas import IN_PLACE, Node, branches, children, subschemas

MOST_PLACE_CHECKS = 5_000
_MOST_STEPS = 100_000
_DEEPEST = 32

_Checks = dict[int, tuple[Node, int]]  # by the identity of the subschema: how often it checks one place


class TooManyChecks(Exception):
    """The schema may check one place too often."""


def checks(tree: SchemaTree, checks_twice: Callable[[Node], bool]) -> dict[str, int]:
    """How often one place may be checked, by the top-level property that contains it; "" means all others.
    `checks_twice`: whether a subschema applies those beside it once more, as unevaluated members do. Raises
    `TooManyChecks`."""
    counting = _Counting(tree, checks_twice)
    root = counting.in_place([(tree.root, 1)])
    below = dict(counting.below(root))
    return {str(key): counting.most(below[key], 1) for key in below if isinstance(key, str)}


class _Counting:
    def __init__(self, tree: SchemaTree, checks_twice: Callable[[Node], bool]) -> None:
        self._tree = tree
        self._checks_twice = checks_twice
        self._known: dict[frozenset[tuple[int, int]], int] = {}
        self._steps = 0

    def in_place(self, nodes: list[tuple[Node, int]]) -> _Checks:
        """These subschemas, and all others that apply to the same place."""
        found: _Checks = {}
        waiting = list(nodes)
        while waiting:
            node, times = waiting.pop()
            self._step()
            found[id(node.schema)] = (node, times + found.get(id(node.schema), (node, 0))[1])
            if times > MOST_PLACE_CHECKS:
                raise TooManyChecks
            times *= 2 if self._checks_twice(node) else 1
            waiting += [(target, times) for target in self._tree.targets(node)]
            waiting += [(child, times) for keyword, child in subschemas(node) if keyword in IN_PLACE]
        return found

    def below(self, checks: _Checks) -> Iterator[tuple[str | int, _Checks]]:
        """The subschemas that apply to each named member, to any other ("") and to each item."""
        nodes = list(checks.values())
        names = {str(child.path[-1]) for node, _ in nodes for child in children(node, "properties")}
        yield "", self.in_place(list(_of_others(nodes, "")))
        for name in sorted(names):
            yield name, self.in_place([*_of_others(nodes, name), *_of_name(nodes, name)])
        longest = max((len(list(children(node, "prefixItems"))) for node, _ in nodes), default=0)
        for index in range(longest + 1):
            yield index, self.in_place(list(_of_item(nodes, index)))

    def most(self, checks: _Checks, depth: int) -> int:
        """The most checks of this place, or of one in it."""
        here = sum(times for _, times in checks.values())
        key = frozenset((found, times) for found, (_, times) in checks.items())
        if here > MOST_PLACE_CHECKS:
            raise TooManyChecks
        if not checks or depth > _DEEPEST:
            return here
        if key not in self._known:
            self._known[key] = here  # a recursion adds nothing
            self._known[key] = max([here, *(self.most(part, depth + 1) for _, part in self.below(checks) if part)])
        return self._known[key]

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooManyChecks


def _of_name(nodes: list[tuple[Node, int]], name: str) -> Iterator[tuple[Node, int]]:
    for node, times in nodes:
        properties = node.schema.get("properties")
        member = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(member, dict):
            yield Node((*node.path, "properties", name), member), times


def _of_others(nodes: list[tuple[Node, int]], name: str) -> Iterator[tuple[Node, int]]:
    """The subschemas of a member that do not come from its name."""
    for node, times in nodes:
        properties = node.schema.get("properties")
        is_named = isinstance(properties, dict) and name in properties
        keywords = ("patternProperties",) if is_named else ("patternProperties", "additionalProperties")
        yield from ((child, times) for child in branches(node, (*keywords, "unevaluatedProperties")))


def _of_item(nodes: list[tuple[Node, int]], index: int) -> Iterator[tuple[Node, int]]:
    for node, times in nodes:
        listed = [child for child in branches(node, ("prefixItems",)) if child.path[-1] == index]
        yield from ((child, times) for child in listed)
        keywords = ("contains", "unevaluatedItems") if listed else ("items", "contains", "unevaluatedItems")
        yield from ((child, times) for child in branches(node, keywords))
