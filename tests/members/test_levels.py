"""From XP to levels, from levels to roles and words. No database."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from api.lib.json import JsonObject
from api.members.leveling_config import LevelingConfig
from api.members.levels import RoleChanges, deserved, level_curve, role_changes
from api.members.levelups import Announcement, level_up
from api.members.names import Names
from api.settings.builtin.leveling import LEVELING, leveling_settings
from api.settings.curves import CostCurve, PresetCurve, TableCurve, TotalCurve, UnusableCurve
from tests.support.people import ADA, BO, HARBOUR

TABLE = TableCurve([10, 30, 60])
REWARDS: JsonObject = {
    "curve": {"kind": "table", "thresholds": [10, 30, 60, 100, 150]},
    "role_rewards": [
        {"level": 4, "role_id": "40"},
        {"level": 2, "role_id": "21"},
        {"level": 2, "role_id": "20"},
        {"level": 1, "role_id": "10"},
        {"level": 4, "role_id": "10"},
    ],
}
ONE_AT_A_TIME = REWARDS | {"stack_role_rewards": False}


@pytest.fixture(scope="module", autouse=True)
def counters_hold() -> None:
    """Nothing here touches the database: nothing to recount."""


def guild(overrides: JsonObject | None = None, name: str = "Harbour") -> LevelingConfig:
    """The rules of a guild that overrides these settings."""
    assert LEVELING.faults(overrides or {}) == []
    settings = leveling_settings(LEVELING.effective(overrides or {}))
    return LevelingConfig(HARBOUR, name, ZoneInfo("UTC"), settings, level_curve(settings.curve, settings.max_level))


PUBLISHED = {
    "mee6": {1: 100, 2: 255, 3: 475, 4: 770, 5: 1150, 10: 4_675, 50: 268_375, 100: 1_899_250},
    "polaris": {1: 200, 2: 400, 3: 800, 10: 7_000, 33: 93_700, 50: 255_000, 100: 1_510_000},
    "arcane": {1: 75, 2: 250, 3: 525, 10: 5_250, 50: 126_250, 100: 502_500},
    "lurkr": {1: 100, 2: 150, 3: 300, 10: 4_150, 50: 120_150, 100: 490_150},
    "amari": {1: 35, 2: 55, 3: 115, 10: 1_655, 50: 48_055, 100: 196_055},
    "nadeko": {1: 36, 2: 81, 3: 135, 10: 765, 50: 12_825, 100: 48_150},
}
FORMULAS: dict[str, Callable[[int], int]] = {
    "mee6": lambda level: 5 * level * (2 * level**2 + 27 * level + 91) // 6,
    "polaris": lambda level: (level**3 + 50 * level**2 + 100 * level + 50) // 100 * 100,
    "arcane": lambda level: 50 * level**2 + 25 * level,
    "lurkr": lambda level: 50 * level**2 - 100 * level + 150,
    "amari": lambda level: 20 * level**2 - 40 * level + 55,
    "nadeko": lambda level: (9 * level**2 + 63 * level) // 2,
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_presets(preset: str) -> None:
    """As published, by their formula on every level, and a level begins at its very total."""
    found = guild({"curve": {"kind": "preset", "preset": preset}}).level_curve
    assert {level: found.begins(level) for level in PUBLISHED[preset]} == PUBLISHED[preset]
    for level in range(1, 1001):
        total = FORMULAS[preset](level)
        assert found.begins(level) == total == found.next(level - 1)
        assert (found.level(total - 1), found.level(total)) == (level - 1, level)
    assert (found.begins(0), found.level(0)) == (0, 0)
    assert (found.level(2**53), found.next(1000)) == (1000, None)


@pytest.mark.parametrize("level", range(100))
def test_mee6_costs_of_one_level(level: int) -> None:
    found = level_curve(PresetCurve("mee6"), None)
    assert found.begins(level + 1) - found.begins(level) == 5 * level**2 + 50 * level + 100


@pytest.mark.parametrize(
    ("xp", "level", "begins", "following"),
    [(0, 0, 0, 10), (9, 0, 0, 10), (10, 1, 10, 30), (29, 1, 10, 30), (30, 2, 30, 60), (60, 3, 60, None),
     (2**53, 3, 60, None)],
)  # fmt: skip
def test_rungs(xp: int, level: int, begins: int, following: int | None) -> None:
    found = level_curve(TABLE, None)
    assert found.level(xp) == level
    assert (found.begins(level), found.next(level)) == (begins, following)


@pytest.mark.parametrize(
    ("max_level", "xp", "level", "following"),
    [(1, 2**53, 1, None), (2, 29, 1, 30), (2, 60, 2, None), (3, 60, 3, None), (1000, 60, 3, None)],
)
def test_nobody_rises_above_the_highest_level(max_level: int, xp: int, level: int, following: int | None) -> None:
    found = level_curve(TABLE, max_level)
    assert (found.level(xp), found.next(level)) == (level, following)


@pytest.mark.parametrize("max_level", [1, 7, 999])
def test_the_highest_level_of_a_preset(max_level: int) -> None:
    found, whole = level_curve(PresetCurve("mee6"), max_level), level_curve(PresetCurve("mee6"), None)
    assert found.level(2**53) == max_level
    assert found.next(max_level) is None
    assert [found.begins(level) for level in range(max_level + 1)] == [
        whole.begins(level) for level in range(max_level + 1)
    ]


def test_guilds_with_the_same_curve_share_it() -> None:
    assert level_curve(CostCurve([100, 50, 5]), 50) is level_curve(CostCurve([100, 50, 5]), 50)
    assert level_curve(TotalCurve([0, 100]), None) is not level_curve(TotalCurve([0, 100]), 50)


def test_a_curve_that_rises_only_so_far() -> None:
    assert level_curve(CostCurve([100, -1]), 50).begins(50) == 3775
    with pytest.raises(UnusableCurve):
        level_curve(CostCurve([100, -1]), None)


@pytest.mark.parametrize(
    ("overrides", "level", "roles"),
    [
        (REWARDS, 0, []),
        (REWARDS, 1, ["10"]),
        (REWARDS, 2, ["10", "21", "20"]),
        (REWARDS, 3, ["10", "21", "20"]),
        (REWARDS, 4, ["10", "21", "20", "40"]),
        (REWARDS, 1000, ["10", "21", "20", "40"]),
        (ONE_AT_A_TIME, 0, []),
        (ONE_AT_A_TIME, 1, ["10"]),
        (ONE_AT_A_TIME, 2, ["21", "20"]),
        (ONE_AT_A_TIME, 3, ["21", "20"]),
        (ONE_AT_A_TIME, 4, ["40", "10"]),
        (ONE_AT_A_TIME, 1000, ["40", "10"]),
        ({}, 1000, []),
        ({"stack_role_rewards": False}, 1000, []),
    ],
)
def test_what_a_level_deserves(overrides: JsonObject, level: int, roles: list[str]) -> None:
    assert deserved(guild(overrides).settings, level) == roles


@pytest.mark.parametrize(
    ("overrides", "level", "held", "add", "remove"),
    [
        (REWARDS, 2, [], ["10", "21", "20"], []),
        (REWARDS, 2, ["21"], ["10", "20"], []),
        (REWARDS, 2, ["10", "20", "21"], [], []),
        (REWARDS, 0, ["10", "20", "21", "40"], [], ["40", "21", "20", "10"]),
        (REWARDS, 1, ["40", "40", "10"], [], ["40"]),
        (REWARDS, 1, ["99"], ["10"], []),  # what is no reward is nobody's business
        (ONE_AT_A_TIME, 2, ["10", "99"], ["21", "20"], ["10"]),
        (ONE_AT_A_TIME, 4, ["10", "20", "21"], ["40"], ["21", "20"]),
        (ONE_AT_A_TIME, 0, ["10"], [], ["10"]),
        ({}, 5, ["10", "99"], [], []),
    ],
)
def test_what_makes_the_roles_right(
    overrides: JsonObject, level: int, held: list[str], add: list[str], remove: list[str]
) -> None:
    settings = guild(overrides).settings
    assert role_changes(settings, level, held) == RoleChanges(add, remove)
    left = [role for role in held if role not in remove] + add
    assert role_changes(settings, level, left) == RoleChanges([], []), "done, nothing is left to do"


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [
        (0, 9, None), (0, 10, (0, 1)), (9, 10, (0, 1)), (10, 29, None), (10, 30, (1, 2)), (0, 150, (0, 5)),
        (29, 100, (1, 4)), (30, 10, None), (30, 0, None), (150, 2**53, None), (10, 10, None),
    ],
)  # fmt: skip
def test_only_a_rise_is_published(before: int, after: int, levels: tuple[int, int] | None) -> None:
    found = level_up(guild(REWARDS), ADA, before, after)
    if levels is None:
        assert found is None
    else:
        assert found is not None
        assert (found.from_level, found.to_level, found.xp, found.user_id) == (*levels, after, str(ADA))


@pytest.mark.parametrize(
    ("overrides", "held", "add", "remove"),
    [
        (REWARDS, None, ["21", "20"], []),  # unknown: they have what level 1 deserves
        (REWARDS, [], ["10", "21", "20"], []),
        (REWARDS, ["20"], ["10", "21"], []),
        (REWARDS, ["10", "20", "21", "40"], [], ["40"]),
        (ONE_AT_A_TIME, None, ["21", "20"], ["10"]),
        (ONE_AT_A_TIME, [], ["21", "20"], []),
        (ONE_AT_A_TIME, ["40", "99"], ["21", "20"], ["40"]),
        ({"curve": {"kind": "table", "thresholds": [10, 30]}}, None, [], []),
    ],
)
def test_roles_of_a_rise(overrides: JsonObject, held: list[str] | None, add: list[str], remove: list[str]) -> None:
    """From level 1 to 2."""
    found = level_up(guild(overrides), ADA, 10, 30, held)
    assert found is not None
    assert found.role_rewards == RoleChanges(add, remove)


TEXT = f"<@{ADA}> is now level 2!"


@pytest.mark.parametrize(
    ("announce", "channel_id", "expected"),
    [
        ({}, 5, Announcement("current", "5", TEXT)),
        ({}, None, Announcement("current", None, TEXT)),
        ({"mode": "current", "channel_id": "7"}, 5, Announcement("current", "5", TEXT)),
        ({"mode": "current", "channel_id": "7"}, None, Announcement("current", None, TEXT)),
        ({"mode": "channel", "channel_id": "7"}, 5, Announcement("channel", "7", TEXT)),
        ({"mode": "channel", "channel_id": "7"}, None, Announcement("channel", "7", TEXT)),
        ({"mode": "dm", "channel_id": "7"}, 5, Announcement("dm", None, TEXT)),
        ({"mode": "off", "channel_id": "7"}, 5, Announcement("off", None, None)),
    ],
)
def test_where_a_level_up_is_announced(announce: JsonObject, channel_id: int | None, expected: Announcement) -> None:
    found = level_up(guild(REWARDS | {"announce": announce}), ADA, 10, 30, channel_id=channel_id)
    assert found is not None
    assert found.announce == expected


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{user}", str(ADA)),
        ("{mention}", f"<@{ADA}>"),
        ("{level}", "2"),
        ("{old_level}", "1"),
        ("{xp}", "31"),
        ("{guild}", "{xp} & \\1"),  # a name is filled in as it is, and nothing in it is a placeholder
        ("{roles}", "<@&21>, <@&20>"),
        ("{level}{level} {old_level}→{level}", "22 1→2"),
        ("{{level}} {{{level}}} }}{{", "{level} {2} }{"),
        ("no placeholder at all\n🎉 %s %(level)s $level {{}}", "no placeholder at all\n🎉 %s %(level)s $level {}"),
    ],
)
def test_what_a_level_up_announces(template: str, text: str) -> None:
    config = guild(REWARDS | {"announce": {"template": template}}, name="{xp} & \\1")
    found = level_up(config, ADA, 10, 31)
    assert found is not None
    assert found.announce.text == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (Names(), str(ADA)),
        (Names(username="ada"), "ada"),
        (Names(username="ada", display_name="Ada 🎉 L."), "Ada 🎉 L."),
        (Names(display_name="@everyone {level}"), "@\u200beveryone {level}"),
        (Names(display_name=f"<@{BO}>"), f"\\<@\u200b{BO}\\>"),
        (Names(display_name="[gift](https://bad.example)"), "\\[gift\\]\\(https\\://bad.example\\)"),
        (Names(display_name="- Ada"), r"\- Ada"),
        (Names(display_name="1. Ada-B. L."), r"1\. Ada-B. L."),
        (Names(display_name="# *a* _b_ ~c~ `d` |e| \\"), r"\# \*a\* \_b\_ \~c\~ \`d\` \|e\| \\"),
    ],
)
def test_a_name_in_an_announcement_is_only_read(names: Names, text: str) -> None:
    found = level_up(guild(REWARDS | {"announce": {"template": "{user}"}}), ADA, 10, 31, names=names)
    assert found is not None
    assert found.announce.text == text


@pytest.mark.parametrize(("template", "length"), [("a" * 2000, 2000), ("{user}" * 50, 2000), ("b{user}" * 9, 1809)])
def test_discord_takes_the_text(template: str, length: int) -> None:
    """It refuses messages of more than 2,000 characters."""
    names = Names(display_name="*" * 100)
    found = level_up(guild(REWARDS | {"announce": {"template": template}}), ADA, 10, 31, names=names)
    assert found is not None
    assert found.announce.text is not None
    assert len(found.announce.text) == length
    assert found.announce.text.endswith("…") is (template.count("{user}") == 50)


def test_roles_in_words_are_those_to_add() -> None:
    config = guild(REWARDS | {"announce": {"template": "[{roles}]"}})
    found = level_up(config, ADA, 30, 60)
    assert found is not None
    assert found.announce.text == "[]"
    found = level_up(config, ADA, 10, 30, held=["10", "21"])
    assert found is not None
    assert found.announce.text == "[<@&20>]"


@pytest.mark.parametrize(
    "template",
    ["{", "}", "{}", "{nobody}", "{level.real}", "{level!r}", "{level:>9}", "{ level }", "{LEVEL}", "{0}", "{{level}"],
)
def test_templates_that_settings_refuse(template: str) -> None:
    faults = LEVELING.faults({"announce": {"template": template}})
    assert {fault.pointer for fault in faults} == {"/announce/template"}
