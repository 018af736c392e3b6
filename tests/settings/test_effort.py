"""What a schema may make of a value is bounded before there is one, and only what changed is compiled again."""

from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.lib.faults import Fault
from api.settings import registry
from api.settings.modules import MOST_CHECKS, TOO_MANY_NESTED_CHECKS, TOO_MUCH, Module
from api.settings.schemas import InvalidSchema
from api.settings.values import TOO_MANY

Json = Any  # Any: JSON


def module(properties: Json, **definitions: Json) -> Module:
    return Module.registered("wide", 1, None, None, {"type": "object", "properties": properties, "$defs": definitions})


def refused(properties: Json, **definitions: Json) -> list[Fault]:
    with pytest.raises(InvalidSchema) as caught:
        module(properties, **definitions)
    return caught.value.faults


def reference(name: str) -> Json:
    return {"default": [], "items": {"$ref": f"#/$defs/{name}"}}


def chain(levels: int) -> Json:
    """Each level is looked at twice by the one above it: for its members, and for what is not among them."""
    definitions = {
        f"n{level}": {"anyOf": [{"properties": {"x": {"$ref": f"#/$defs/n{level + 1}"}}}], "properties": {"z": {}}}
        for level in range(levels)
    }
    return {**definitions, f"n{levels}": {}}


def test_alternatives_within_alternatives_are_refused() -> None:
    """Each took hours, or for ever, for a value of a few hundred bytes."""
    tree = {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/tree"}, "y": {"const": each}}} for each in range(3)]}
    assert refused({"a": reference("tree")}, tree=tree) == [Fault("/schema", TOO_MANY_NESTED_CHECKS)]
    assert refused({"a": reference("n0")}, **chain(30)) == [Fault("/schema", TOO_MANY_NESTED_CHECKS)]
    assert module({"a": reference("n0")}, **chain(5)).faults({}) == []


def test_a_condition_may_hold_conditions() -> None:
    """Alternatives that are told apart by their members do not multiply."""
    closed = {"type": "object", "additionalProperties": False}
    leaf = {**closed, "properties": {"stat": {"type": "string"}}, "required": ["stat"]}
    groups = [
        {**closed, "properties": {name: {"items": {"$ref": "#/$defs/c"}}}, "required": [name]}
        for name in ("all", "any")
    ]
    found = module({"a": reference("c")}, c={"anyOf": [leaf, *groups]})
    deep: Json = {"stat": "messages"}
    for _ in range(12):
        deep = {"all": [deep]}
    assert found.faults({"a": [deep]}) == []
    assert found.faults({"a": [{"all": [{"stat": "xp", "gte": 1}]}]}) != []


def test_what_nothing_refers_to_counts_too() -> None:
    options = {"a": {"anyOf": [{}] * 800}, "b": {"anyOf": [{"$ref": "#/$defs/a"}] * 60}}
    assert [fault.pointer for fault in refused({}, **options)] == ["/schema"]


def test_patterns_are_counted() -> None:
    many = [{"pattern": f"a{{{number}}}"} for number in range(101)]
    assert [fault.message for fault in refused({"a": {"default": "", "anyOf": many}})] == ["has more than 100 patterns"]


def test_values_are_counted_before_they_are_looked_at() -> None:
    options = [{"type": "object", "required": ["k"], "properties": {"k": {"const": each}}} for each in range(240)]
    found = module({"few": {"type": "array", "default": [], "items": {"anyOf": options}}})
    assert found.bound_faults({"few": [{"k": 1}] * 100}) == []
    assert found.bound_faults({"few": [{"k": 1}] * (MOST_CHECKS // 480)}) == [Fault("/few", TOO_MUCH)]
    assert found.bound_faults({"few": [{}] * 10_001}) == [Fault("/few", TOO_MANY)]
    assert found.bound_faults({"x": {"y": [[]] * 10_001}}) == [Fault("/x/y", TOO_MANY)]


async def test_only_the_module_that_changed_is_compiled(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer", "default": 0}}}
    for name in ("one", "two", "three"):
        assert (await bot.put(f"/v1/modules/{name}", json={"schema": schema})).status_code == 201
    assert len((await bot.get("/v1/modules")).json()["items"]) >= 3
    compiled: list[str] = []
    real = registry.compiled

    def watched(row: Any) -> Module | None:  # Any: a record
        compiled.append(row["name"])
        return real(row)

    monkeypatch.setattr(registry, "compiled", watched)
    assert (await bot.put("/v1/modules/two", json={"schema": schema, "title": "Two"})).status_code == 200
    titles = {each["module"]: each["title"] for each in (await bot.get("/v1/modules")).json()["items"]}
    assert titles["two"] == "Two"
    assert set(compiled) == {"two"}
