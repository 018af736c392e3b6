"""JSON Schemas of requests and answers, derived from what msgspec validates and encodes."""

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc

import msgspec
from msgspec import inspect

from api.lib import snowflakes
from api.openapi.examples import EXAMPLES

Schema = dict[str, object]

PREFIX = "#/components/schemas/"

# Shapes whose members form alternatives, which msgspec validates as one: for each alternative, the required and the
# optional members.
_FORMS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "Condition": ((("all",), ()), (("any",), ()), (("stat", "gte"), ("within",))),
}

_generic = re.compile(r"(\w+?)_(\w+)_")


class Schemas:
    """Collects the named shapes in `components`, each once."""

    def __init__(self, requests: Iterable[object]) -> None:
        """`requests`: the types of all bodies. A shape that occurs in one has its request's form in answers too."""
        self.components: dict[str, Schema] = {}
        self._written: dict[str, Schema] = {}
        self._asked: set[str] = set()
        for kind in requests:
            self.of(kind)
        self._asked.update(self.components)

    def of(self, kind: object) -> Schema:
        """The schema of a type. Its named parts are added to the components. Raises `ValueError` if two shapes have one
        name."""
        (schema,), components = msgspec.json.schema_components(
            [kind], schema_hook=snowflakes.schema, ref_template=PREFIX + "{name}"
        )
        for name, component in components.items():
            self._add(_plain_name(name), component)
        return _as_schema(_tidied(schema))

    def of_answer(self, kind: object) -> Schema:
        """The schema of an answer: members that are always present are required, and times have a format."""
        schema = self.of(kind)
        for struct in _structs(inspect.type_info(kind), set()):
            name = _name_of(struct)
            if name not in self._asked:
                _give_answers_form(self.components[name], struct)
        return schema

    def _add(self, name: str, written: Schema) -> None:
        known = self._written.setdefault(name, written)
        if known != written:
            raise ValueError(f"Two different shapes are called {name}: rename one of them.")
        if name in self.components:
            return
        component = self.components[name] = _in_forms(name, _as_schema(_tidied(written)) | {"title": name})
        if name in EXAMPLES:
            component["examples"] = [EXAMPLES[name]]
        elif (item := name.removesuffix("Page")) != name and item in EXAMPLES:
            component["examples"] = [{"items": [EXAMPLES[item]], "next_cursor": None}]


def without_null(schema: Schema) -> Schema:
    """The schema of a query parameter, which cannot be null, only absent."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return schema
    kept = [branch for branch in branches if branch != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}


def _plain_name(name: str) -> str:
    """`Page_GuildView_`, which is msgspec's name for `Page[GuildView]`, becomes `GuildViewPage`."""
    match = _generic.fullmatch(name)
    return match[2] + match[1] if match else name


def _tidied(node: object) -> object:
    """A copy with plain names, docstrings without indentation (Python itself removes it only since 3.13), a type for
    every list of strings to choose from, and an explicit schema for the members of open objects."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    found: Schema = {key: _tidied(value) for key, value in node.items()}
    reference = found.get("$ref")
    if isinstance(reference, str):
        found["$ref"] = PREFIX + _plain_name(reference.removeprefix(PREFIX))
    description = found.get("description")
    if isinstance(description, str):
        found["description"] = cleandoc(description)
    if found.get("type") == "object" and not found.keys() & {"properties", "additionalProperties"}:
        found["additionalProperties"] = True  # otherwise a generator would expect an object without members
    options = found.get("enum")
    if isinstance(options, list) and all(isinstance(option, str) for option in options):
        found = {"type": "string", **found}
    return found


def _in_forms(name: str, component: Schema) -> Schema:
    """The component as one of its forms, if it has several."""
    if name not in _FORMS:
        return component
    members = _as_schema(component["properties"])
    forms = [
        {
            "type": "object",
            "properties": {member: members[member] for member in (*required, *optional)},
            "required": list(required),
            "additionalProperties": False,
        }
        for required, optional in _FORMS[name]
    ]
    named = {member for required, optional in _FORMS[name] for member in (*required, *optional)}
    if named != members.keys():
        raise ValueError(f"The forms of {name} have other members than it has itself.")
    return {key: component[key] for key in ("title", "description")} | {"oneOf": forms}


def _as_schema(node: object) -> Schema:
    assert isinstance(node, dict)
    return node


def _parts(kind: inspect.Type) -> Iterable[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        return (kind.type,)
    if isinstance(kind, inspect.UnionType):
        return kind.types
    if isinstance(kind, inspect.CollectionType):
        return (kind.item_type,)
    if isinstance(kind, inspect.DictType):
        return (kind.value_type,)
    return ()


def _structs(kind: inspect.Type, seen: set[type]) -> Iterator[inspect.StructType]:
    """Every struct within a type, including itself, each once."""
    if isinstance(kind, inspect.StructType) and kind.cls not in seen:
        seen.add(kind.cls)
        yield kind
        for field in kind.fields:
            yield from _structs(field.type, seen)
    for part in _parts(kind):
        yield from _structs(part, seen)


def _name_of(struct: inspect.StructType) -> str:
    (schema,), _ = msgspec.json.schema_components([struct.cls], schema_hook=snowflakes.schema, ref_template="{name}")
    return _plain_name(str(schema["$ref"]))


def _give_answers_form(component: Schema, struct: inspect.StructType) -> None:
    members = _as_schema(component["properties"])
    required = []
    for field in struct.fields:
        member = _as_schema(members[field.encode_name])
        # A member that may be unset has neither a default nor a factory for one.
        if (field.required, field.default, field.default_factory) != (False, msgspec.NODEFAULT, msgspec.NODEFAULT):
            required.append(field.encode_name)
        member.pop("default", None)
        if _holds_time(field.type):
            _give_time_format(member)
    component["required"] = required


def _holds_time(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.DateTimeType) or any(_holds_time(part) for part in _parts(kind))


def _give_time_format(node: object) -> None:
    if isinstance(node, list):
        for item in node:
            _give_time_format(item)
    elif isinstance(node, dict):
        if node.get("type") == "string":
            node["format"] = "date-time"
        for value in node.values():
            _give_time_format(value)
