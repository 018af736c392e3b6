"""Every row of RFC 7396's appendix A, in members that take anything, in maps and in typed ones, and through HTTP."""

import httpx2
import pytest

from api.lib.json import JsonObject, JsonValue
from api.settings.modules import Module
from tests.support.people import HARBOUR

# What is there, the patch, what comes of it.
ROWS: list[tuple[JsonValue, JsonValue, JsonValue]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

_TEXT: JsonObject = {"type": ["string", "array", "number", "null"]}
_BB: JsonObject = {"type": "object", "properties": {"ccc": {"type": "string"}}, "additionalProperties": False}
_A: JsonObject = {"type": "object", "properties": {"b": _TEXT, "c": _TEXT, "bb": _BB}, "additionalProperties": False}
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "anything": {"default": None},
        "map": {"type": "object", "default": {}},
        "nullable": {
            "anyOf": [{"type": "null"}, {"type": "array"}, {"type": "string"}, {"$ref": "#/$defs/typed"}],
            "default": None,
        },
        "deep": {
            "type": "object",
            "properties": {"anything": {"default": None}, "map": {"type": "object", "default": {}}},
        },
        "defaults": {
            "type": "object",
            "properties": {"a": {"type": "object", "properties": {"bb": {"type": "integer", "default": 7}}}},
        },
    },
    "$defs": {
        "typed": {
            "type": "object",
            "properties": {
                "a": {"anyOf": [_TEXT, _A]},
                "b": _TEXT,
                "c": _TEXT,
                "e": _TEXT,
            },
            "additionalProperties": False,
        }
    },
}
MODULE = Module.registered("sample", 1, None, None, SCHEMA)
PLACES = [("anything",), ("map",), ("nullable",), ("deep", "anything"), ("deep", "map")]

rows = pytest.mark.parametrize("row", ROWS, ids=[str(row) for row in ROWS])


def at(place: tuple[str, ...], value: JsonValue) -> JsonObject:
    for name in reversed(place[1:]):
        value = {name: value}
    return {place[0]: value}


def read(place: tuple[str, ...], values: JsonValue) -> JsonValue:
    for name in place:
        assert isinstance(values, dict)
        values = values[name]
    return values


def fits(place: tuple[str, ...], row: tuple[JsonValue, JsonValue, JsonValue]) -> bool:
    """A map is always an object, and its null is its default."""
    return place[-1] != "map" or all(isinstance(part, dict) for part in row)


@pytest.mark.parametrize("place", PLACES, ids=str)
@rows
def test_rules(place: tuple[str, ...], row: tuple[JsonValue, JsonValue, JsonValue]) -> None:
    if not fits(place, row):
        return
    before, patch, after = row
    overrides = MODULE.apply_patch(MODULE.replace(at(place, before)), at(place, patch))
    assert MODULE.faults(overrides) == []
    assert read(place, MODULE.effective(overrides)) == after


@rows
async def test_through_http(bot: httpx2.AsyncClient, row: tuple[JsonValue, JsonValue, JsonValue]) -> None:
    assert (await bot.put("/v1/modules/sample", json={"schema": SCHEMA})).status_code == 201
    path = f"/v1/guilds/{HARBOUR}/settings/sample"
    before, patch, after = row
    places = [place for place in PLACES if fits(place, row)]
    for place in places:
        assert (await bot.put(path, json=at(place, before))).status_code == 200
        for _ in range(2):  # the second time changes nothing
            answer = await bot.patch(path, json=at(place, patch))
            assert answer.status_code == 200, answer.text
            assert read(place, answer.json()["values"]) == after
        assert (await bot.get(path)).json() == answer.json()


def test_null_of_a_declared_property_is_its_default() -> None:
    overrides = MODULE.replace({"defaults": {"a": {"bb": 1}}})
    assert MODULE.apply_patch(overrides, {"defaults": {"a": {"bb": None}}}) == {}
    assert MODULE.apply_patch({}, {"defaults": {"a": {"bb": None}}}) == {}
