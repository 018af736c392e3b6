"""Which schemas a bot may register, and what is wrong with the others."""

from copy import deepcopy

import pytest

from api.lib.json import JsonObject, JsonValue
from api.settings.modules import Module
from api.settings.schemas import InvalidSchema

NUMBER: JsonObject = {"type": "integer", "default": 1}


def top(properties: JsonObject, **more: JsonValue) -> JsonObject:
    return {"type": "object", "properties": properties, **more}


def defined(schema: JsonObject, definitions: JsonObject) -> JsonObject:
    return {**schema, "$defs": definitions}


def chained(levels: int) -> JsonObject:
    """The top level and `levels` definitions, each an object with one property, the next."""
    definitions: JsonObject = {f"d{n}": top({"a": {"$ref": f"#/$defs/d{n + 1}"}}) for n in range(levels)}
    definitions[f"d{levels}"] = NUMBER
    return defined(top({"a": {"$ref": "#/$defs/d0"}}), definitions)


def nested(levels: int) -> JsonObject:
    """Objects of one property each, `levels` deep, a number in the last."""
    inner = NUMBER
    for _ in range(levels):
        inner = top({"a": inner})
    return inner


def branching(levels: int, keyword: str) -> JsonObject:
    """Definitions that each refer twice to the next."""
    definitions: JsonObject = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    definitions[f"d{levels}"] = {"type": "integer"}
    return {"$defs": definitions}


def pointers(schema: JsonObject) -> list[str]:
    with pytest.raises(InvalidSchema) as refused:
        Module.registered("sample", 1, None, None, schema)
    assert refused.value.faults == sorted(set(refused.value.faults))
    return [fault.pointer for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, ["/schema/properties", "/schema/type"]),
        ({"type": "array", "properties": {}}, ["/schema/type"]),
        (top({}, **{"$schema": "http://json-schema.org/draft-07/schema#"}), ["/schema/$schema"]),
        (top({"colour": {"type": "string"}}), ["/schema/properties/colour"]),
        (top({"a": {}, "b": NUMBER, "c": {}}), ["/schema/properties/a", "/schema/properties/c"]),
        (top({"a": top({"b": {}})}), ["/schema/properties/a/properties/b"]),
        (top({"a": top({"b": {}}, default={"b": 1})}), ["/schema/properties/a/properties/b"]),
        (
            defined(top({"a": {"$ref": "#/$defs/x"}}), {"x": top({"b": {}})}),
            ["/schema/$defs/x/properties/b"],
        ),
        (top({"a": top({"b": NUMBER}, default=5)}), ["/schema/properties/a/default"]),
        (top({"a": top({"b": NUMBER}, default={"c": 5})}), ["/schema/properties/a/default"]),
        (top({"a": {"type": "integer", "default": "x"}}), ["/schema/properties/a/default"]),
        (top({"a/b": {"type": "integer", "default": "x"}}), ["/schema/properties/a~1b/default"]),
        (top({"a": top({"b": {"minimum": 5, "default": 1}})}), ["/schema/properties/a/properties/b/default"]),
        (top({"a": True}), ["/schema/properties/a"]),
        (top({"a": {**NUMBER, "$ref": "https://example.org/x"}}), ["/schema/properties/a/$ref"]),
        (top({"a": {**NUMBER, "$dynamicRef": "x#y"}}), ["/schema/properties/a/$dynamicRef"]),
        (top({"a": {**NUMBER, "$ref": "#/$defs/x"}}), ["/schema/properties/a/$ref"]),
        (top({"a": {**NUMBER, "$ref": "#x"}}), ["/schema/properties/a/$ref"]),
        (top({"a": {**NUMBER, "$ref": "#/properties/a"}}), ["/schema/properties/a/$ref"]),
        (top({"a": {"$ref": "#"}}), ["/schema/properties/a"]),
        (top({"a": {**NUMBER, "$id": "x"}}), ["/schema/properties/a/$id"]),
        (top({"a": {**NUMBER, "x-ref": "emoji"}}), ["/schema/properties/a/x-ref"]),
        (top({"a": {**NUMBER, "x-merge": "deep"}}), ["/schema/properties/a/x-merge"]),
        (top({"": NUMBER}), ["/schema/properties/"]),
        (top({"x" * 65: NUMBER}), [f"/schema/properties/{'x' * 65}"]),
        (top({"a\nb": NUMBER}), ["/schema/properties/a\nb"]),
        (top({"e\u0301": NUMBER}), ["/schema/properties/e\u0301"]),
        (top({"a": {**NUMBER, "title": "a\x00"}}), ["/schema/properties/a/title"]),
        (top({"a": {**NUMBER, "maximum": 2**63}}), ["/schema/properties/a/maximum"]),
        (top({"a": {**NUMBER, "pattern": "("}}), ["/schema/properties/a/pattern"]),
        (top({"a": {**NUMBER, "pattern": "(?=a)"}}), ["/schema/properties/a/pattern"]),
        (top({"a": {**NUMBER, "pattern": "((a{900}){900}){900}"}}), ["/schema/properties/a/pattern"]),
        (
            top({"a": {"default": {}, "patternProperties": {"(?!a)": {}}}}),
            ["/schema/properties/a/patternProperties/(?!a)"],
        ),
        (
            top({"a": {"type": "number?", "minimum": "x"}}),
            ["/schema/properties/a/minimum", "/schema/properties/a/type"],
        ),
        (top({"a": {**NUMBER, "description": "x" * 65536}}), ["/schema"]),
        (top({f"p{number}": NUMBER for number in range(501)}), ["/schema"]),
        (nested(16), ["/schema" + "/properties/a" * 16]),
        (chained(16), ["/schema/$defs/d14/properties/a"]),
        (top({"a": {"default": 1, "$ref": "#/$defs/d0"}}, **branching(30, "anyOf")), ["/schema"]),
        (top({"a": {"default": 1, "$ref": "#/$defs/d0"}}, **branching(200, "allOf")), ["/schema"]),
        (top({"a": {"default": 1, "$ref": "#/$defs/d0"}}, **branching(30, "allOf")), ["/schema"]),
    ],
)
def test_what_is_refused(schema: JsonObject, expected: list[str]) -> None:
    assert pointers(schema) == expected


def test_a_schema_nested_deeper_than_32_levels_is_refused() -> None:
    items: JsonObject = {"type": "integer"}
    for _ in range(40):
        items = {"items": items}
    assert pointers(top({"a": {**items, "default": []}})) == ["/schema/properties/a" + "/items" * 30]


def test_all_faults_are_reported_at_once() -> None:
    schema = top({"a": {"x-ref": "x"}, "b": {"$ref": "http://x"}}, **{"$id": "x"})
    assert pointers(schema) == [
        "/schema/$id",
        "/schema/properties/a",
        "/schema/properties/a/x-ref",
        "/schema/properties/b",
        "/schema/properties/b/$ref",
    ]


@pytest.mark.parametrize(
    ("schema", "defaults"),
    [
        (top({}), {}),
        (top({"a": NUMBER}, **{"$schema": "https://json-schema.org/draft/2020-12/schema"}), {"a": 1}),
        (top({"a": top({"b": NUMBER, "c": NUMBER}, default={"c": 5})}), {"a": {"b": 1, "c": 5}}),
        (defined(top({"a": {"$ref": "#/$defs/n"}}), {"n": NUMBER}), {"a": 1}),
        (defined(top({"a": {"$ref": "#/$defs/n", "default": 2}}), {"n": NUMBER}), {"a": 2}),
        (defined(top({"a": {"$ref": "#n"}}), {"n": {**NUMBER, "$anchor": "n"}}), {"a": 1}),
        (defined(top({"a": {"$ref": "#/$defs/x~1y%20z"}}), {"x/y z": NUMBER}), {"a": 1}),
        (top({"a": {"default": None, "format": "snowflake", "x-ref": "user"}}), {"a": None}),
        (top({"a": {"default": 12, "format": "snowflake", "type": ["string", "integer"]}}), {"a": "12"}),
        (top({"a": {"default": [], "items": {"properties": {"b": {"type": "string"}}}}}), {"a": []}),
        (
            defined(
                top({"a": {"$ref": "#/$defs/tree"}}),
                {"tree": {"default": [], "items": {"$ref": "#/$defs/tree"}}},
            ),
            {"a": []},
        ),
        (top({"a": {"default": {}, "enum": [{}, {"$ref": "http://x"}]}}), {"a": {}}),
    ],
)
def test_schemas_that_are_accepted(schema: JsonObject, defaults: JsonObject) -> None:
    before = deepcopy(schema)
    module = Module.registered("sample", 3, "Sample", "A sample.", schema)
    assert module.defaults == defaults
    assert module.schema == schema == before
    assert (module.name, module.version, module.title, module.built_in) == ("sample", 3, "Sample", False)


def test_sixteen_levels_of_objects_are_accepted() -> None:
    assert Module.registered("sample", 1, None, None, chained(15)).faults({}) == []


def test_titles_must_be_storable() -> None:
    with pytest.raises(InvalidSchema) as refused:
        Module.registered("sample", 1, "a\x00", "b\ud800", top({}))
    assert [fault.pointer for fault in refused.value.faults] == ["/description", "/title"]
