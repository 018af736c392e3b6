"""Faults, references and repairs of a guild's overrides."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.lib.diff import Change
from api.lib.json import JsonObject, JsonValue
from api.settings.modules import TOO_MUCH, Module, Reference, changes

ID: JsonObject = {"type": "string", "format": "snowflake", "x-ref": "role"}


def module(properties: JsonObject, more: JsonObject | None = None) -> Module:
    schema: JsonObject = {"type": "object", "properties": properties, **(more or {})}
    return Module.registered("sample", 1, None, None, schema)


SAMPLE = module(
    {
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 1},
        "word": {"type": "string", "pattern": "^[a-z]*$", "maxLength": 5, "default": "a"},
        "nested": {
            "type": "object",
            "properties": {
                "on": {"type": "boolean", "default": True},
                "channel_id": {
                    "anyOf": [{"$ref": "#/$defs/channel"}, {"type": "null"}],
                    "default": None,
                },
            },
        },
        "rows": {
            "type": "array",
            "default": [],
            "items": {
                "type": "object",
                "required": ["role_id"],
                "properties": {"role_id": ID, "more": {"type": "array", "items": ID}},
            },
        },
        "by_user": {
            "type": "object",
            "default": {},
            "propertyNames": {"maxLength": 3},
            "additionalProperties": {**ID, "x-ref": "user"},
        },
        "free": {"type": "object", "default": {}},
    },
    {"$defs": {"channel": {**ID, "x-ref": "channel"}}},
)


def pointers(overrides: JsonObject, of: Module = SAMPLE) -> list[str]:
    return [fault.pointer for fault in of.faults(of.apply_patch({}, overrides))]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, []),
        ({"count": 9, "word": "abc", "free": {"x": [{"y": None}]}, "by_user": {"a": 1}}, []),
        ({"count": 10, "word": "ABCDEF", "nope": 1}, ["/count", "/nope", "/word", "/word"]),
        ({"nested": {"off": 1, "on": 1}}, ["/nested/off", "/nested/on"]),
        ({"nested": 5}, ["/nested"]),
        ({"count": {}}, ["/count"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
        ({"rows": [{"role_id": 5}, {}, {"role_id": "6", "x": 1}]}, ["/rows/1/role_id", "/rows/2/x"]),
        ({"by_user": {"long name": 1}}, ["/by_user/long name"]),
        ({"word": "a\n"}, ["/word"]),
        ({"free": {"x": "a\x00"}}, ["/free/x"]),
        ({"free": {"\x07": 1}}, ["/free/\x07"]),
        ({"free": {"x": "a\ud800"}}, ["/free/x"]),
        ({"free": {"\ud800": 1}}, ["/free/?"]),
        ({"free": {"x": "two\nlines\tand more"}}, []),
        ({"free": {"x": 2**63, "y": -(2**63) - 1, "z": 2**63 - 1}}, ["/free/x", "/free/y"]),
        ({"free": {"x": float("nan"), "y": float("inf")}}, ["/free/x", "/free/y"]),
        ({"free": {"w": 2.0**63, "x": 1e300, "y": -1e300, "z": -(2.0**63)}}, ["/free/w", "/free/x", "/free/y"]),
        ({"free": {"x": 10**5000}}, ["/free/x"]),
        ({"free": {"x": "a" * 65536}}, [""]),
    ],
)
def test_every_fault_has_its_place(patch: JsonObject, expected: list[str]) -> None:
    assert pointers(patch) == expected


@pytest.mark.parametrize(
    "value", ["007", "1_0", "٣", "-5", " 1", "1\n", "", "0", 0, -5, True, 1.0, 2**63, str(2**63), "1e3"]
)
def test_what_is_no_snowflake_is_refused(value: JsonValue) -> None:
    assert pointers({"nested": {"channel_id": value}}) == ["/nested/channel_id"]


@pytest.mark.parametrize("value", [1, "1", 2**63 - 1, str(2**63 - 1), None])
def test_a_snowflake_is_accepted(value: JsonValue) -> None:
    assert pointers({"nested": {"channel_id": value}}) == []
    assert pointers({"rows": [{"role_id": 1, "more": [value or 1]}]}) == []


def test_a_snowflake_without_a_type_is_a_string() -> None:
    loose = module({"id": {"format": "snowflake", "default": None}})
    assert pointers({"id": True}, loose) == ["/id"]
    assert pointers({"id": 1.5}, loose) == ["/id"]
    assert loose.effective(loose.apply_patch({}, {"id": 12}))["id"] == "12"


def test_too_deep_a_value_is_a_fault() -> None:
    deep: JsonValue = 1
    for _ in range(40):
        deep = [deep]
    assert SAMPLE.faults({"free": {"x": deep}})[0].message == "is nested deeper than 32 levels"


def test_messages_do_not_echo_large_values() -> None:
    wide = module({"pick": {"enum": [letter * 50 for letter in "abcdefghijklmnopqrst"], "default": "a" * 50}})
    (fault,) = wide.faults({"pick": "w" * 5000})
    assert fault.message.startswith('is not one of "aaa')
    assert len(fault.message) < 650


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"count": None, "nested": {"on": None}, "free": {"x": None}, "by_user": {"a": None}}, []),
        ({"nope": None, "count": 1}, ["/nope"]),
        ({"nested": {"off": None}}, ["/nested/off"]),
        ({"count": {"x": None}}, ["/count/x"]),
        ({"nested": {"channel_id": {"x": None}}}, ["/nested/channel_id/x"]),
    ],
)
def test_a_patch_may_not_name_unknown_members(patch: JsonObject, expected: list[str]) -> None:
    assert [fault.pointer for fault in SAMPLE.patch_faults(patch)] == expected


def test_references_are_found_wherever_they_are() -> None:
    patch: JsonObject = {
        "nested": {"channel_id": 1},
        "rows": [{"role_id": 2}, {"role_id": 3, "more": ["4"]}],
        "by_user": {"a": 5},
        "free": {"x": "6"},
    }
    assert SAMPLE.references(SAMPLE.effective(SAMPLE.apply_patch({}, patch))) == [
        Reference("/by_user/a", "user", "5"),
        Reference("/nested/channel_id", "channel", "1"),
        Reference("/rows/0/role_id", "role", "2"),
        Reference("/rows/1/more/0", "role", "4"),
        Reference("/rows/1/role_id", "role", "3"),
    ]
    assert SAMPLE.references(SAMPLE.defaults) == []


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"count": 5}, {"count": 5}),
        ({"count": 50, "word": "b"}, {"word": "b"}),
        ({"gone": 1, "word": "b"}, {"word": "b"}),
        ({"nested": {"on": 1, "channel_id": "5"}}, {"nested": {"channel_id": "5"}}),
        ({"nested": {"on": 1}}, {}),
        ({"rows": [{"role_id": "1"}, {}]}, {}),
        ({"by_user": {"a": "x", "b": "1"}}, {"by_user": {"b": "1"}}),
        ({"free": {"x": "a" * 65536}, "count": 2}, {}),
    ],
)
def test_only_what_fails_is_dropped(overrides: JsonObject, expected: JsonObject) -> None:
    assert SAMPLE.without_failing(overrides) == expected


words = st.text("aZ0/~é\u0301\n\x00\ud800", max_size=4)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*SAMPLE.defaults, "other"]), anything, max_size=4))
def test_any_document_can_be_judged_and_repaired(document: JsonObject) -> None:
    overrides = SAMPLE.replace(document)
    for fault in SAMPLE.faults(overrides) + SAMPLE.patch_faults(document):
        assert fault.pointer.encode()
        assert fault.message.encode()
    assert SAMPLE.faults(SAMPLE.without_failing(overrides)) == []


def test_a_rule_across_members_drops_what_is_overridden() -> None:
    linked = module(
        {"low": {"type": "integer", "default": 1}, "high": {"type": "integer", "default": 2}},
        {"if": {"properties": {"high": {"const": 0}}}, "then": {"properties": {"low": {"const": 0}}}},
    )
    assert pointers({"high": 0}, linked) == ["/low"]
    assert linked.without_failing({"high": 0}) == {}


def test_members_that_several_branches_name_together_are_known() -> None:
    joined = module(
        {
            "both": {
                "allOf": [{"properties": {"a": {"type": "integer", "default": 1}}}],
                "properties": {"b": {"type": "integer", "default": 2}},
                "type": "object",
            },
            "either": {
                "default": {"kind": "a"},
                "type": "object",
                "x-merge": "replace",
                "oneOf": [
                    {"properties": {"kind": {"const": "a"}, "size": {"type": "integer"}}},
                    {
                        "properties": {"kind": {"const": "b"}, "name": {"type": "string"}},
                        "required": ["name"],
                    },
                ],
            },
        }
    )
    assert joined.defaults["both"] == {"a": 1, "b": 2}
    assert pointers({"both": {"a": 3, "b": 4}}, joined) == []
    assert pointers({"both": {"a": "x", "c": 4}}, joined) == ["/both/a", "/both/c"]
    assert pointers({"either": {"kind": "a", "size": 1}}, joined) == []
    assert pointers({"either": {"kind": "a", "size": "x", "extra": 1}}, joined) == [
        "/either/extra",
        "/either/size",
    ]
    assert pointers({"either": {"kind": "b"}}, joined) == ["/either/name"]
    assert pointers({"either": {"kind": "a", "name": "x"}}, joined) == ["/either/name"]
    assert pointers({"either": {"kind": "c"}}, joined) == ["/either/kind"]


def test_a_member_of_another_condition_is_unknown() -> None:
    then: JsonObject = {"properties": {"extra": {"type": "integer"}}}
    depends = module(
        {"kind": {"type": "string", "default": "a"}},
        {"if": {"properties": {"kind": {"const": "b"}}}, "then": then},
    )
    assert pointers({"kind": "b", "extra": 1}, depends) == []
    assert pointers({"extra": 1}, depends) == ["/extra"]


def test_branches_without_a_constant_are_not_chosen_by_a_wrong_value() -> None:
    either: JsonValue = [
        {"required": ["mode"], "properties": {"mode": {"enum": ["a", "b"]}, "id": ID}},
        {"required": ["name"], "properties": {"name": {"type": "string"}}},
    ]
    loose = module({"x": {"type": "object", "default": {"name": "n"}, "x-merge": "replace", "anyOf": either}})
    assert pointers({"x": {"mode": "a", "id": 5}}, loose) == []
    assert pointers({"x": {"mode": "c", "id": 5}}, loose) == ["/x/mode"]


def test_a_module_is_not_changed_from_outside() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}
    taken = Module.registered("sample", 1, None, None, schema)
    schema["properties"] = {}
    assert taken.schema != schema


def test_what_the_author_opened_stays_open() -> None:
    opened = module({"a": {"type": "integer", "default": 1}}, {"additionalProperties": {"type": "string"}})
    assert pointers({"b": "x"}, opened) == []
    assert pointers({"b": 1}, opened) == ["/b"]
    assert [fault.pointer for fault in opened.patch_faults({"c": None})] == []


def test_names_of_overrides_and_changes() -> None:
    assert SAMPLE.overridden({"word": "b", "count": 2}) == ["count", "word"]
    before: JsonObject = {"a": 1, "b": {"x": True}, "c": 1, "d": [1]}
    after: JsonObject = {"a": 1.0, "b": {"x": 1}, "d": [1], "e": None}
    assert changes(before, after) == {
        "b": Change({"x": True}, {"x": 1}),
        "c": Change(1, None),
        "e": Change(None, None),
    }


def test_what_would_take_long_to_explain_reports_its_first_fault() -> None:
    """400 alternatives for each of 4,000 items: to explain them all took 48 s, to find one valid up to 9."""
    options: JsonValue = [{"type": "string", "const": str(number)} for number in range(400)]
    wide = module({"list": {"type": "array", "default": [], "items": {"anyOf": options}}})
    few: JsonValue = [1] * 400
    (fault,) = wide.faults({"list": few})
    assert (fault.pointer, fault.message) == ("/list/0", "matches none of the possible forms")
    assert not wide.faults({"list": ["7"] * 400})
    many: JsonValue = ["7"] * 4000
    assert [(fault.pointer, fault.message) for fault in wide.faults({"list": many})] == [("/list", TOO_MUCH)]
