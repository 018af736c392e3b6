"""How often a schema may have one place of a value looked at, told before there is any value.

Alternatives within alternatives multiply: ten of them, each with a member that has the same ten again, look a
hundred times at what lies two members deep. A validator cannot be stopped, so a schema is bounded before it has one,
and a value by what the schema may make of it."""

from collections.abc import Callable, Iterator

from api.settings.nodes import SchemaTree
from api.settings.subschemas import IN_PLACE, Node, children, subschemas

MOST_LOOKS = 5_000
_MOST_STEPS = 100_000
_DEEPEST = 32

_Looks = dict[int, tuple[Node, int]]  # by the identity of the subschema: how often it looks at one place


class TooManyLooks(Exception):
    """The schema may have a place looked at too often."""


def looks(tree: SchemaTree, looks_twice: Callable[[Node], bool]) -> dict[str, int]:
    """How often one place may be looked at, by the top-level property that it lies in; "" is of all others.
    `looks_twice`: whether a subschema asks those beside it once more, as unevaluated members do.
    Raises TooManyLooks."""
    counting = _Counting(tree, looks_twice)
    root = counting.in_place([(tree.root, 1)])
    below = dict(counting.below(root))
    return {str(key): counting.most(below[key], 1) for key in below if isinstance(key, str)}


class _Counting:
    def __init__(self, tree: SchemaTree, looks_twice: Callable[[Node], bool]) -> None:
        self._tree = tree
        self._looks_twice = looks_twice
        self._known: dict[frozenset[tuple[int, int]], int] = {}
        self._steps = 0

    def in_place(self, nodes: list[tuple[Node, int]]) -> _Looks:
        """These and all that hold for the same place."""
        found: _Looks = {}
        waiting = list(nodes)
        while waiting:
            node, times = waiting.pop()
            self._step()
            found[id(node.schema)] = (node, times + found.get(id(node.schema), (node, 0))[1])
            if times > MOST_LOOKS:
                raise TooManyLooks
            times *= 2 if self._looks_twice(node) else 1
            waiting += [(target, times) for target in self._tree.targets(node)]
            waiting += [(child, times) for keyword, child in subschemas(node) if keyword in IN_PLACE]
        return found

    def below(self, looks: _Looks) -> Iterator[tuple[str | int, _Looks]]:
        """What looks at each member that is named, at any other ("") and at each item."""
        nodes = list(looks.values())
        names = {str(child.path[-1]) for node, _ in nodes for child in children(node, "properties")}
        yield "", self.in_place(list(_of_others(nodes, "")))
        for name in sorted(names):
            yield name, self.in_place([*_of_others(nodes, name), *_of_name(nodes, name)])
        longest = max((len(list(children(node, "prefixItems"))) for node, _ in nodes), default=0)
        for index in range(longest + 1):
            yield index, self.in_place(list(_of_item(nodes, index)))

    def most(self, looks: _Looks, depth: int) -> int:
        """The most looks at this place, or at one in it."""
        here = sum(times for _, times in looks.values())
        key = frozenset((found, times) for found, (_, times) in looks.items())
        if here > MOST_LOOKS:
            raise TooManyLooks
        if not looks or depth > _DEEPEST:
            return here
        if key not in self._known:
            self._known[key] = here  # where it comes round to itself, it adds nothing
            self._known[key] = max([here, *(self.most(part, depth + 1) for _, part in self.below(looks) if part)])
        return self._known[key]

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooManyLooks


def _of_name(nodes: list[tuple[Node, int]], name: str) -> Iterator[tuple[Node, int]]:
    for node, times in nodes:
        yield from ((child, times) for child in children(node, "properties") if child.path[-1] == name)


def _of_others(nodes: list[tuple[Node, int]], name: str) -> Iterator[tuple[Node, int]]:
    """What holds for a member beside what is said of its name."""
    for node, times in nodes:
        properties = node.schema.get("properties")
        is_named = isinstance(properties, dict) and name in properties
        keywords = ("patternProperties",) if is_named else ("patternProperties", "additionalProperties")
        for keyword in (*keywords, "unevaluatedProperties"):
            yield from ((child, times) for child in children(node, keyword))


def _of_item(nodes: list[tuple[Node, int]], index: int) -> Iterator[tuple[Node, int]]:
    for node, times in nodes:
        listed = [child for child in children(node, "prefixItems") if child.path[-1] == index]
        yield from ((child, times) for child in listed)
        for keyword in ("contains", "unevaluatedItems") if listed else ("items", "contains", "unevaluatedItems"):
            yield from ((child, times) for child in children(node, keyword))
