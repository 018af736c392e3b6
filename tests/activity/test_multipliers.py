"""What multipliers make of the XP of an event: every way to stack them. No database."""

from datetime import timedelta
from fractions import Fraction

import msgspec
import pytest

from api.activity.rules import combined, judge, round_half_up
from api.lib.json import JsonObject
from api.settings.builtin.leveling import MultiplierStacking
from tests.activity.events import NOON, message
from tests.activity.test_rules import TEN
from tests.members.test_levels import guild

ROLE_FACTORS = {"largest": "3", "smallest": "1.5", "add": "3.5", "multiply": "4.5"}
# What the roles' factor becomes beside a channel's factor of 2.
WITH_CHANNEL = {
    "multiply": {"3": 60, "1.5": 30, "3.5": 70, "4.5": 90},
    "add": {"3": 40, "1.5": 25, "3.5": 45, "4.5": 55},
    "largest": {"3": 30, "1.5": 20, "3.5": 35, "4.5": 45},
    "channel_first": dict.fromkeys(("3", "1.5", "3.5", "4.5"), 20),
    "role_first": {"3": 30, "1.5": 15, "3.5": 35, "4.5": 45},
}
STACKINGS = [(roles, both) for roles in ROLE_FACTORS for both in WITH_CHANNEL]
stackings = pytest.mark.parametrize(("roles", "both"), STACKINGS)


def factors(
    roles: str, both: str, guild_: float = 1, channel: float = 2, one: float = 3, two: float = 1.5
) -> JsonObject:
    return TEN | {
        "multiplier": guild_,
        "role_multipliers": [
            {"role_id": "9", "factor": two},
            {"role_id": "7", "factor": one},
            {"role_id": "8", "factor": 50},
        ],
        "channel_multipliers": [{"channel_id": "5", "factor": channel}, {"channel_id": "6", "factor": 50}],
        "multiplier_stacking": {"roles": roles, "channel_with_roles": both},
    }


@stackings
def test_every_stacking(roles: str, both: str) -> None:
    config, role = guild(factors(roles, both)), ROLE_FACTORS[roles]
    holder = [7, 9, 11]
    assert judge(config, message(channel_id=5, role_ids=holder), None, None).xp == WITH_CHANNEL[both][role]
    # What is not there takes no part.
    assert judge(config, message(channel_id=4, role_ids=holder), None, None).xp == float(role) * 10
    assert judge(config, message(role_ids=holder), None, None).xp == float(role) * 10
    assert judge(config, message(channel_id=5, role_ids=[11]), None, None).xp == 20
    assert judge(config, message(channel_id=5), None, None).xp == 20
    assert judge(config, message(channel_id=4, role_ids=[5]), None, None).xp == 10
    assert judge(config, message(role_ids=[9]), None, None).xp == 15
    # The guild's factor multiplies all of it.
    doubled = guild(factors(roles, both, guild_=2))
    assert judge(doubled, message(channel_id=5, role_ids=holder), None, None).xp == 2 * WITH_CHANNEL[both][role]
    assert judge(doubled, message(), None, None).xp == 20


@stackings
@pytest.mark.parametrize("zero", ["guild_", "channel", "one", "two"])
def test_zero_always_wins(roles: str, both: str, zero: str) -> None:
    values = {zero: 0.0}
    found = judge(guild(factors(roles, both, **values)), message(channel_id=5, role_ids=[7, 9]), None, None)
    assert (found.xp, found.why, found.multiplier, found.base) == (0, "no_factor", 0, 10)


@stackings
def test_a_zero_that_does_not_concern_the_event_wins_nothing(roles: str, both: str) -> None:
    values = factors(roles, both)
    values["channel_multipliers"] = [{"channel_id": "6", "factor": 0}]
    values["role_multipliers"] = [{"role_id": "8", "factor": 0}]
    assert judge(guild(values), message(channel_id=5, role_ids=[7]), None, None).xp == 10


@pytest.mark.parametrize(
    ("how", "channel", "roles", "multiplier"),
    [
        ("add", None, ("0.2", "0.3"), "0"),  # -0.5
        ("add", None, ("0.5", "0.5"), "0"),
        ("add", None, ("0.5", "0.6"), "0.1"),
        ("add", "0.1", ("0.5",), "0"),
        ("add", "0.6", ("0.5",), "0.1"),
        ("add", None, ("1.1", "1.1", "1.1"), "1.3"),
        ("add", "1.1", ("1.1", "1.1"), "1.3"),
        ("add", "1", ("1", "1"), "1"),
        ("add", "100", ("100", "100"), "298"),
        ("multiply", "0.1", ("0.1", "0.1"), "0.001"),
        ("multiply", "1.1", ("1.1", "1.1"), "1.331"),
    ],
)
def test_adding_and_multiplying(how: str, channel: str | None, roles: tuple[str, ...], multiplier: str) -> None:
    """`add` sums what exceeds 1, and is never below 0; all of it is exact."""
    stacking = msgspec.convert({"roles": how, "channel_with_roles": how}, MultiplierStacking)
    given = [] if channel is None else [("channel:5", Fraction(channel))]
    given += [(f"role:{number}", Fraction(factor)) for number, factor in enumerate(roles)]
    assert combined(tuple(given), stacking) == Fraction(multiplier)


def test_no_multiplier_is_one() -> None:
    assert combined((), MultiplierStacking()) == 1


def test_the_multipliers_of_an_event_are_reported() -> None:
    config = guild(factors("largest", "multiply", guild_=2))
    found = judge(config, message(channel_id=5, role_ids=[9, 7, 7, 11]), NOON - timedelta(seconds=10), None)
    listed = [(of, float(factor)) for of, factor in found.factors]
    assert listed == [("guild", 2), ("channel:5", 2), ("role:7", 3), ("role:9", 1.5)]
    assert (found.base, found.multiplier, found.why) == (10, 12, "cooldown")
    assert [of for of, _ in judge(config, message(channel_id=4), None, None).factors] == ["guild"]
    assert judge(guild(factors("add", "add")), message(), None, None).factors == ()


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        ("0", 0), ("0.49", 0), ("0.5", 1), ("0.51", 1), ("1", 1), ("1.5", 2), ("2.5", 3), ("3.5", 4), ("1/3", 0),
        ("2/3", 1), ("4503599627370496.5", 4503599627370497), ("9007199254740993/2", 4503599627370497),
    ],
)  # fmt: skip
def test_halves_go_up(number: str, rounded: int) -> None:
    assert round_half_up(Fraction(number)) == rounded


def test_whole_numbers_stay() -> None:
    assert [round_half_up(number) for number in (0, 1, 2**53)] == [0, 1, 2**53]


@pytest.mark.parametrize(
    ("base", "multiplier", "xp"),
    [
        (100, 1.005, 101),  # 100.5; as floats 100.49999999999999
        (50, 1.15, 58),  # 57.5; as floats 57.49999999999999
        (5, 1.1, 6),
        (15, 0.5, 8),
        (25, 0.5, 13),
        (25, 0.1, 3),
        (24, 0.1, 2),
        (10_000, 100, 1_000_000),
        (10_000, 1e-05, 0),
        (10_000, 5e-05, 1),
    ],
)
def test_multipliers_are_the_decimal_numbers_that_are_written(base: int, multiplier: float, xp: int) -> None:
    config = guild({"xp_per_message": {"min": base, "max": base}, "multiplier": multiplier})
    assert judge(config, message(), None, None).xp == xp
