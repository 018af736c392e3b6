"""The built-in modules: their defaults, their bounds, and the rules across properties."""

import pytest

from api.lib.json import JsonObject, as_object
from api.settings.builtin import BUILT_IN
from api.settings.builtin.achievements import achievement_settings
from api.settings.builtin.announcements import filled
from api.settings.builtin.leveling import leveling_settings
from api.settings.builtin.privacy import privacy_settings
from api.settings.curves import PresetCurve, TotalCurve
from api.settings.nodes import SchemaTree

LEVELING = BUILT_IN["leveling"]
ACHIEVEMENTS = BUILT_IN["achievements"]
A_ROLE = "81384788765712384"


def pointers(patch: JsonObject, module: str = "leveling") -> list[str]:
    chosen = BUILT_IN[module]
    return [fault.pointer for fault in chosen.faults(chosen.apply_patch({}, patch))]


def test_the_defaults_of_leveling() -> None:
    assert LEVELING.defaults == {
        "enabled": True,
        "xp_per_message": {"min": 15, "max": 25},
        "cooldown_seconds": 60,
        "xp_per_voice_minute": 0,
        "xp_per_reaction": 0,
        "xp_per_command": 0,
        "daily_xp_cap": None,
        "multiplier": 1.0,
        "role_multipliers": [],
        "channel_multipliers": [],
        "multiplier_stacking": {"roles": "largest", "channel_with_roles": "multiply"},
        "ignored_channel_ids": [],
        "ignored_role_ids": [],
        "only_channel_ids": [],
        "curve": {"kind": "preset", "preset": "mee6"},
        "max_level": None,
        "role_rewards": [],
        "stack_role_rewards": True,
        "announce": {"mode": "current", "channel_id": None, "template": "{mention} is now level {level}!"},
        "on_leave": "hide",
        "week_starts_on": "monday",
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_form_can_be_drawn_of_every_property(name: str) -> None:
    module = BUILT_IN[name]
    properties = as_object(module.schema["properties"])
    orders = [as_object(member)["x-order"] for member in properties.values()]
    assert orders == sorted(set(map(int, map(str, orders))))
    tree = SchemaTree(module.schema)
    for member in properties:
        shown = as_object(properties[member])
        assert {"default", "title", "description", "x-order", "x-group"} <= shown.keys()
        for node in tree.structure(tree.nodes["properties", member]):
            for inner in as_object(node.schema.get("properties", {})).values():
                assert {"default", "title", "description", "x-order", "x-group"} <= as_object(inner).keys()
    assert (module.built_in, module.name) == (True, name)
    assert module.version >= 1


def test_effective_values_become_structs() -> None:
    patch: JsonObject = {
        "curve": {"kind": "total", "coefficients": [0, 1.5, 2], "round_to": 10},
        "role_rewards": [{"level": 5, "role_id": int(A_ROLE)}],
        "multiplier": 2,
    }
    settings = leveling_settings(LEVELING.effective(LEVELING.apply_patch({}, patch)))
    assert settings.curve == TotalCurve([0, 1.5, 2], 10)
    assert settings.role_rewards[0].role_id == A_ROLE
    assert settings.multiplier == 2.0
    assert settings.xp_per_message.max == 25
    assert leveling_settings(LEVELING.effective({"cooldown_seconds": 60.0})).cooldown_seconds == 60
    assert leveling_settings(LEVELING.defaults).curve == PresetCurve("mee6")
    assert achievement_settings(ACHIEVEMENTS.defaults).enabled
    assert privacy_settings(BUILT_IN["privacy"].defaults).reader_role_ids == []


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"xp_per_message": {"min": 30}}, ["/xp_per_message/min"]),
        ({"xp_per_message": {"min": 25}}, []),
        ({"xp_per_message": {"min": -1, "max": 10_001}}, ["/xp_per_message/max", "/xp_per_message/min"]),
        ({"curve": {"kind": "cost", "coefficients": [0]}}, ["/curve/coefficients"]),
        ({"curve": {"kind": "cost", "coefficients": []}}, ["/curve/coefficients"]),
        (
            {"curve": {"kind": "cost", "coefficients": [1, "x"], "z": 1}},
            ["/curve/coefficients/1", "/curve/z"],
        ),
        ({"curve": {"kind": "cost"}}, ["/curve/coefficients"]),
        ({"curve": {"kind": "preset", "preset": "other"}}, ["/curve/preset"]),
        ({"curve": {"kind": "other"}}, ["/curve/kind"]),
        ({"curve": {}}, ["/curve/kind"]),
        ({"curve": 5}, ["/curve"]),
        ({"curve": {"kind": "table", "thresholds": [1, 2, 3, 3]}}, ["/curve/thresholds/3"]),
        ({"curve": {"kind": "table", "thresholds": []}}, ["/curve/thresholds"]),
        ({"curve": {"kind": "table", "thresholds": list(range(1, 1002))}}, ["/curve/thresholds"]),
        ({"curve": {"kind": "cost", "coefficients": [100, -1]}, "max_level": 50}, []),
        ({"max_level": 0}, ["/max_level"]),
        ({"max_level": 1001}, ["/max_level"]),
        ({"max_level": 1000}, []),
        ({"announce": {"template": "{who}"}}, ["/announce/template"]),
        ({"announce": {"template": "{user.name}"}}, ["/announce/template"]),
        ({"announce": {"template": "{xp:>9}"}}, ["/announce/template"]),
        ({"announce": {"template": "a { b"}}, ["/announce/template"]),
        ({"announce": {"template": "{user}{mention}{level}{old_level}{xp}{guild}{roles} {{x}}"}}, []),
        ({"announce": {"mode": "channel"}}, ["/announce/channel_id"]),
        ({"announce": {"mode": "channel", "channel_id": 5}}, []),
        (
            {"role_rewards": [{"level": 5, "role_id": 7}, {"level": 5, "role_id": "7"}]},
            ["/role_rewards/1/role_id"],
        ),
        ({"role_rewards": [{"level": 5, "role_id": 7}, {"level": 6, "role_id": 7}]}, []),
        ({"role_rewards": [{"level": 1001, "role_id": 7}]}, ["/role_rewards/0/level"]),
        (
            {"role_multipliers": [{"role_id": 7, "factor": 2}, {"role_id": 7, "factor": 3}]},
            ["/role_multipliers/1/role_id"],
        ),
        (
            {"channel_multipliers": [{"channel_id": 7, "factor": 2}, {"channel_id": 7, "factor": 3}]},
            ["/channel_multipliers/1/channel_id"],
        ),
        ({"role_multipliers": [{"role_id": 7, "factor": 101}]}, ["/role_multipliers/0/factor"]),
        ({"ignored_role_ids": [str(number) for number in range(1, 252)]}, ["/ignored_role_ids"]),
        ({"on_leave": "x", "week_starts_on": 1}, ["/on_leave", "/week_starts_on"]),
        ({"multiplier": True, "enabled": 1}, ["/enabled", "/multiplier"]),
        ({"multiplier": 100.0001}, ["/multiplier"]),
        ({"multiplier_stacking": {"roles": "product"}}, ["/multiplier_stacking/roles"]),
        ({"daily_xp_cap": -1, "cooldown_seconds": 1.5}, ["/cooldown_seconds", "/daily_xp_cap"]),
    ],
)
def test_the_rules_of_leveling(patch: JsonObject, expected: list[str]) -> None:
    assert pointers(patch) == expected


def test_an_unknown_placeholder_is_named() -> None:
    overrides = LEVELING.apply_patch({}, {"announce": {"template": "{level} {who}"}})
    assert [fault.message for fault in LEVELING.faults(overrides)] == ["has the unknown placeholder {who}"]


def test_each_module_has_its_own_placeholders() -> None:
    assert pointers({"announce": {"template": "{achievement}"}}, "achievements") == []
    assert pointers({"announce": {"template": "{level}"}}, "achievements") == ["/announce/template"]
    assert pointers({"announce": {"template": "{achievement}"}}) == ["/announce/template"]


def test_templates_are_filled_in() -> None:
    assert filled("{{{user}}} is {level}", {"user": "Ann", "level": "5"}) == "{Ann} is 5"
    assert filled("{user}", {"user": "{level}", "level": "5"}) == "{level}"


def test_the_curve_is_replaced_as_a_whole() -> None:
    overrides = LEVELING.apply_patch({}, {"curve": {"kind": "total", "coefficients": [0, 9], "round_to": 3}})
    after = LEVELING.apply_patch(overrides, {"curve": {"kind": "cost", "coefficients": [9]}})
    assert LEVELING.effective(after)["curve"] == {"kind": "cost", "coefficients": [9]}
    assert LEVELING.effective(LEVELING.apply_patch(after, {"curve": None})) == LEVELING.defaults


def test_references_of_leveling() -> None:
    patch: JsonObject = {
        "announce": {"mode": "channel", "channel_id": 1},
        "role_rewards": [{"level": 2, "role_id": 3}],
        "ignored_channel_ids": [4],
    }
    found = LEVELING.references(LEVELING.effective(LEVELING.apply_patch({}, patch)))
    assert [(each.pointer, each.kind, each.id) for each in found] == [
        ("/announce/channel_id", "channel", "1"),
        ("/ignored_channel_ids/0", "channel", "4"),
        ("/role_rewards/0/role_id", "role", "3"),
    ]
