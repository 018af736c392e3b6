"""Laws of overrides and patches, for any document that a schema of every shape accepts."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.lib.json import JsonObject, JsonValue, same
from api.settings.modules import Module, changes

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "default": 1},
        "maybe": {"type": ["string", "null"], "default": "text"},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        "limits": {
            "type": "object",
            "properties": {
                "low": {"type": "integer", "default": 0},
                "deep": {
                    "type": "object",
                    "properties": {
                        "one": {"type": "boolean", "default": False},
                        "two": {"type": "string", "default": "x"},
                    },
                },
            },
        },
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}, "default": {"first": 1}},
        "shape": {
            "type": "object",
            "x-merge": "replace",
            "properties": {"kind": {"type": "string"}, "size": {"type": ["integer", "null"]}},
            "default": {"kind": "round", "size": 3},
        },
        "card": {
            "anyOf": [{"type": "null"}, {"type": "object", "properties": {"title": {"type": "string"}}}],
            "default": None,
        },
        "owner": {"type": ["string", "null"], "format": "snowflake", "x-ref": "user", "default": None},
        "members": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"type": "string", "format": "snowflake", "x-ref": "role"},
            },
            "default": {},
        },
    },
}
MODULE = Module.registered("sample", 1, None, None, SCHEMA)

texts = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=4)
numbers = st.integers(-1000, 1000)
documents = st.fixed_dictionaries(
    {},
    optional={
        "number": numbers,
        "maybe": texts,
        "tags": st.lists(texts, max_size=3),
        "limits": st.fixed_dictionaries(
            {},
            optional={
                "low": numbers,
                "deep": st.fixed_dictionaries({}, optional={"one": st.booleans(), "two": texts}),
            },
        ),
        "labels": st.dictionaries(texts, numbers, max_size=3),
        "shape": st.fixed_dictionaries({"kind": texts, "size": st.none() | numbers}),
        "card": st.fixed_dictionaries({}, optional={"title": texts}),
        "owner": st.integers(1, 2**63 - 1).map(str),
    },
)


def with_nulls(document: JsonObject, choose: st.DataObject) -> JsonObject:
    """The document with some of its members null instead."""
    result: JsonObject = {}
    for key, value in document.items():
        if choose.draw(st.booleans()):
            result[key] = None
        elif isinstance(value, dict) and key != "shape":
            result[key] = with_nulls(value, choose)
        else:
            result[key] = value
    return result


def contains(whole: JsonValue, part: JsonValue) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    return same(whole, part)


@settings(deadline=None)
@given(documents, documents, st.data())
def test_a_patch_twice_is_the_patch_once(before: JsonObject, document: JsonObject, data: st.DataObject) -> None:
    overrides, patch = MODULE.apply_patch({}, before), with_nulls(document, data)
    once = MODULE.apply_patch(overrides, patch)
    assert MODULE.apply_patch(once, patch) == once


@settings(deadline=None)
@given(documents)
def test_what_was_patched_in_is_effective_and_valid(document: JsonObject) -> None:
    overrides = MODULE.apply_patch({}, document)
    assert contains(MODULE.effective(overrides), document)
    assert MODULE.faults(overrides) == []


@settings(deadline=None)
@given(documents)
def test_null_for_every_property_leaves_the_defaults(document: JsonObject) -> None:
    overrides = MODULE.apply_patch({}, document)
    bare = MODULE.apply_patch(overrides, dict.fromkeys(MODULE.defaults))
    assert bare == {}
    assert MODULE.effective(bare) == MODULE.defaults


@settings(deadline=None)
@given(documents, documents)
def test_a_patch_changes_only_the_properties_that_it_names(before: JsonObject, patch: JsonObject) -> None:
    overrides = MODULE.apply_patch({}, before)
    after = MODULE.apply_patch(overrides, patch)
    assert changes(MODULE.effective(overrides), MODULE.effective(after)).keys() <= patch.keys()


@settings(deadline=None)
@given(documents, documents)
def test_nothing_is_changed_in_place(before: JsonObject, patch: JsonObject) -> None:
    given_before, given_patch, defaults = deepcopy(before), deepcopy(patch), deepcopy(MODULE.defaults)
    MODULE.effective(MODULE.apply_patch(before, patch))
    assert (before, patch, MODULE.defaults) == (given_before, given_patch, defaults)


@settings(deadline=None)
@given(documents, documents)
def test_a_patch_shares_nothing_with_what_it_was_given(before: JsonObject, patch: JsonObject) -> None:
    given_before, given_patch = deepcopy(before), deepcopy(patch)
    for value in MODULE.apply_patch(before, patch).values():
        if isinstance(value, dict):
            value["intruder"] = 1
        if isinstance(value, list):
            value.append("intruder")
    assert (before, patch) == (given_before, given_patch)


@settings(deadline=None)
@given(documents)
def test_replacing_keeps_what_the_values_are(document: JsonObject) -> None:
    assert MODULE.effective(MODULE.replace(document)) == MODULE.effective(MODULE.apply_patch({}, document))


@pytest.mark.parametrize(
    ("overrides", "patch", "expected"),
    [
        ({}, {"number": 2}, {"number": 2}),
        ({"number": 2}, {"number": None}, {}),
        ({"maybe": "a"}, {"maybe": None}, {}),
        ({"tags": ["a", "b"]}, {"tags": ["c"]}, {"tags": ["c"]}),
        (
            {"limits": {"low": 1}},
            {"limits": {"deep": {"one": True}}},
            {"limits": {"low": 1, "deep": {"one": True}}},
        ),
        ({"limits": {"deep": {"one": True}}}, {"limits": {"deep": {"one": None}}}, {}),
        ({"limits": {"low": 1, "deep": {"one": True}}}, {"limits": {"deep": None}}, {"limits": {"low": 1}}),
        ({"limits": {"low": 1}}, {"limits": {}}, {"limits": {"low": 1}}),
        ({}, {"limits": {}}, {}),
        ({}, {"labels": {"a": 1, "b": None}}, {"labels": {"a": 1}}),
        ({"labels": {"a": 1}}, {"labels": {"a": None}}, {}),
        ({}, {"shape": {"kind": "flat", "size": None}}, {"shape": {"kind": "flat", "size": None}}),
        ({"shape": {"kind": "flat", "size": 1}}, {"shape": {"kind": "long"}}, {"shape": {"kind": "long"}}),
        ({"shape": {"kind": "flat"}}, {"shape": None}, {}),
        ({}, {"card": {}}, {"card": {}}),
        ({"card": {"title": "a"}}, {"card": {"title": None}}, {"card": {}}),
        ({}, {"owner": 81384788765712384}, {"owner": "81384788765712384"}),
        ({}, {"members": {"a": [1, "2"]}}, {"members": {"a": ["1", "2"]}}),
        ({}, {"number": 2.0}, {"number": 2}),
        ({}, {"maybe": "e\u0301", "labels": {"e\u0301": 1}}, {"maybe": "é", "labels": {"é": 1}}),
    ],
)
def test_patches(overrides: JsonObject, patch: JsonObject, expected: JsonObject) -> None:
    assert MODULE.apply_patch(overrides, patch) == expected


def test_a_whole_number_given_for_an_integer_is_stored_as_one() -> None:
    assert type(MODULE.apply_patch({}, {"number": 2.0})["number"]) is int


def test_map_members_join_the_defaults_and_wholes_replace_them() -> None:
    values = MODULE.effective({"labels": {"second": 2}, "shape": {"kind": "flat"}})
    assert values["labels"] == {"first": 1, "second": 2}
    assert values["shape"] == {"kind": "flat"}


def test_a_replacing_document_keeps_null_and_drops_what_overrides_nothing() -> None:
    assert MODULE.replace({"maybe": None, "limits": {"deep": {}}, "owner": 7}) == {
        "maybe": None,
        "owner": "7",
    }
    assert MODULE.effective({"maybe": None})["maybe"] is None
