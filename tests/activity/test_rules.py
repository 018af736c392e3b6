"""What an event earns, and why. No database."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import msgspec
import pytest

from api.activity.dtos import Event
from api.activity.rules import judge
from api.lib.json import JsonObject
from tests.activity.events import NOON, command, message, reaction, stat, voice
from tests.members.test_levels import guild
from tests.support.people import BO

TEN: JsonObject = {"xp_per_message": {"min": 10, "max": 10}}
RATES: JsonObject = TEN | {"xp_per_voice_minute": 10, "xp_per_reaction": 10, "xp_per_command": 10}


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def places(**more: object) -> JsonObject:
    """Ten XP for everything, and these places."""
    return RATES | {name: [str(id_) for id_ in ids] for name, ids in more.items() if isinstance(ids, tuple)}


ONLY, IGNORED, ROLES = (
    places(only_channel_ids=(5, 6)),
    places(ignored_channel_ids=(5, 6)),
    places(ignored_role_ids=(7,)),
)
ALL_PLACES = places(only_channel_ids=(5,), ignored_channel_ids=(5,), ignored_role_ids=(7,))


# What lies where: a thread 3 in the channel 2, in the category 1.
PARENTS = {3: 2, 2: 1}
MULTIPLIED: JsonObject = TEN | {
    "channel_multipliers": [{"channel_id": "1", "factor": 2}, {"channel_id": "2", "factor": 3}]
}


@pytest.mark.parametrize(
    ("overrides", "where", "xp", "place"),
    [
        (places(ignored_channel_ids=(2,)), (3, None), 0, 2),
        (places(ignored_channel_ids=(1,)), (3, None), 0, 1),
        (places(ignored_channel_ids=(1,)), (2, None), 0, 1),
        (places(ignored_channel_ids=(3,)), (2, None), 10, None),
        (places(ignored_channel_ids=(2,)), (9, 2), 0, 2),
        (places(ignored_channel_ids=(1,)), (9, 2), 0, 1),
        (places(ignored_channel_ids=(2,)), (3, 8), 10, None),
        (places(ignored_channel_ids=(2,)), (None, 2), 0, 2),
        (places(ignored_channel_ids=(2,)), (2, 2), 0, 2),
        (places(only_channel_ids=(1,)), (3, None), 10, 1),
        (places(only_channel_ids=(2,)), (9, 2), 10, 2),
        (places(only_channel_ids=(3,)), (2, None), 0, None),
        (places(only_channel_ids=(1,), ignored_channel_ids=(2,)), (3, None), 0, 2),
        (places(only_channel_ids=(2,), ignored_channel_ids=(1,)), (3, None), 10, 2),
        (places(only_channel_ids=(3,), ignored_channel_ids=(2,)), (3, None), 10, 3),
        (places(only_channel_ids=(2,), ignored_channel_ids=(2,)), (3, None), 0, 2),
        (MULTIPLIED, (3, None), 30, None),
        (MULTIPLIED, (2, None), 30, None),
        (MULTIPLIED, (1, None), 20, None),
        (MULTIPLIED, (9, 1), 20, None),
        (MULTIPLIED, (9, 2), 30, None),
        (MULTIPLIED, (9, 8), 10, None),
    ],
)
def test_the_most_exact_place_that_is_listed_decides(
    overrides: JsonObject, where: tuple[int | None, int | None], xp: int, place: int | None
) -> None:
    rules = msgspec.structs.replace(guild(overrides), parents=PARENTS)
    verdict = judge(rules, message(channel_id=where[0], parent_id=where[1]), None, None)
    assert (verdict.xp, verdict.place) == (xp, place)


def test_a_stored_moment_at_the_end_of_the_calendar_is_no_error() -> None:
    for end in (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)):
        verdict = judge(guild(TEN), message(), end, None)
        assert (verdict.xp, verdict.why) == (0, "late")


def test_channels_that_lie_in_a_circle_end() -> None:
    rules = msgspec.structs.replace(guild(places(ignored_channel_ids=(9,))), parents={1: 2, 2: 1})
    assert judge(rules, message(channel_id=1), None, None).xp == 10


@pytest.mark.parametrize(
    ("overrides", "event", "xp", "why"),
    [
        (RATES, message(), 10, "earned"),
        (RATES, voice(), 10, "earned"),
        (RATES, reaction(), 10, "earned"),
        (RATES, command(), 10, "earned"),
        (RATES, stat(), 0, "stat"),
        # By default only messages earn.
        ({}, voice(), 0, "no_rate"),
        ({}, reaction(), 0, "no_rate"),
        ({}, command(), 0, "no_rate"),
        ({}, stat(), 0, "stat"),
        ({"xp_per_message": {"min": 0, "max": 0}}, message(), 0, "no_rate"),
        # Switched off: nothing else is asked.
        (RATES | {"enabled": False}, message(), 0, "off"),
        (RATES | {"enabled": False}, voice(), 0, "off"),
        (ALL_PLACES | {"enabled": False}, message(channel_id=9, role_ids=[7]), 0, "off"),
        (RATES | {"enabled": False}, stat(), 0, "stat"),
        # Ignored channels: what names no channel is in none of them.
        (IGNORED, message(), 10, "earned"),
        (IGNORED, message(channel_id=5), 0, "ignored_channel"),
        (IGNORED, message(channel_id=6), 0, "ignored_channel"),
        (IGNORED, message(channel_id=7), 10, "earned"),
        (IGNORED, voice(channel_id=5), 0, "ignored_channel"),
        (IGNORED, reaction(channel_id=5), 0, "ignored_channel"),
        (IGNORED, command(channel_id=5), 0, "ignored_channel"),
        (IGNORED, stat(channel_id=5), 0, "stat"),
        # Only these channels: what names no channel is in none of them.
        (ONLY, message(), 0, "other_channel"),
        (ONLY, message(channel_id=5), 10, "earned"),
        (ONLY, message(channel_id=6), 10, "earned"),
        (ONLY, message(channel_id=7), 0, "other_channel"),
        (ONLY, voice(), 0, "other_channel"),
        (ONLY, reaction(channel_id=7), 0, "other_channel"),
        (ONLY, command(channel_id=5), 10, "earned"),
        # Ignored roles.
        (ROLES, message(), 10, "earned"),
        (ROLES, message(role_ids=[8, 9]), 10, "earned"),
        (ROLES, message(role_ids=[8, 7, 9]), 0, "ignored_role"),
        (ROLES, voice(role_ids=[7]), 0, "ignored_role"),
        (ROLES, message(channel_id=7), 10, "earned"),  # a channel of that number is no role
        # Several at once.
        (ALL_PLACES, message(channel_id=5, role_ids=[7]), 0, "ignored_channel"),
        (ALL_PLACES, message(role_ids=[7]), 0, "other_channel"),
        (places(only_channel_ids=(5,), ignored_role_ids=(7,)), message(channel_id=5, role_ids=[7]), 0, "ignored_role"),
        # What rounds to nothing.
        (RATES | {"multiplier": 0.0}, message(), 0, "no_factor"),
        (RATES | {"multiplier": 0.04}, message(), 0, "no_factor"),
        (RATES | {"multiplier": 0.05}, message(), 1, "earned"),
        ({"multiplier": 0.0}, voice(), 0, "no_rate"),
        ({"xp_per_voice_minute": 1}, voice(29), 0, "no_factor"),
        ({"xp_per_voice_minute": 1}, voice(30), 1, "earned"),
    ],
)
def test_why(overrides: JsonObject, event: Event, xp: int, why: str) -> None:
    found = judge(guild(overrides), event, None, None)
    assert (found.xp, found.why) == (xp, why)


@pytest.mark.parametrize(
    ("cooldown", "after", "why", "early"),
    [
        (60, 60, "earned", 0),
        (60, 60.000001, "earned", 0),
        (60, 86_400, "earned", 0),
        (60, 59.999999, "cooldown", 1),
        (60, 59, "cooldown", 1),
        (60, 58.5, "cooldown", 2),
        (60, 0.000001, "cooldown", 60),
        (60, 0, "late", 60),
        (60, -0.000001, "late", 61),
        (60, -3600, "late", 3660),
        (1, 0.5, "cooldown", 1),
        (86_400, 86_399, "cooldown", 1),
        (86_400, 86_400, "earned", 0),
        # Without a cooldown every message earns, whatever its time.
        (0, 0, "earned", 0),
        (0, 0.000001, "earned", 0),
        (0, -0.000001, "earned", 0),
        (0, -86_400, "earned", 0),
    ],
)
def test_cooldown(cooldown: int, after: float, why: str, early: int) -> None:
    """A message so many seconds after the last one that earned XP."""
    found = judge(guild(TEN | {"cooldown_seconds": cooldown}), message(), NOON - seconds(after), None)
    assert (found.xp, found.why, found.early) == (10 if why == "earned" else 0, why, early)


@pytest.mark.parametrize("event", [voice(), reaction(), command()], ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("after", [1, 0, -1])
def test_only_messages_wait_for_the_cooldown(event: Event, after: float) -> None:
    found = judge(guild(RATES), event, NOON - seconds(after), None)
    assert (found.xp, found.why, found.early) == (10, "earned", 0)


def test_the_cooldown_is_reported_before_a_worth_of_nothing() -> None:
    nothing = guild({"xp_per_message": {"min": 0, "max": 0}})
    assert judge(nothing, message(), NOON - seconds(1), 0).why == "cooldown"
    assert judge(guild(TEN), message(), NOON - seconds(60), 0).why == "cap"


@pytest.mark.parametrize(
    ("cap_left", "xp", "why"),
    [
        (None, 10, "earned"), (0, 0, "cap"), (1, 1, "cap"), (9, 9, "cap"), (10, 10, "earned"), (11, 10, "earned"),
        (10**9, 10, "earned"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("event", [message(), voice(), reaction(), command()], ids=lambda event: type(event).__name__)
def test_caps_cut(event: Event, cap_left: int | None, xp: int, why: str) -> None:
    found = judge(guild(RATES | {"daily_xp_cap": 100}), event, None, cap_left)
    assert (found.xp, found.why, found.cap_left) == (xp, why, cap_left)


def test_caps_cut_what_multipliers_have_made() -> None:
    rules = guild(TEN | {"daily_xp_cap": 100, "multiplier": 2.5})
    assert (judge(rules, message(), None, 24).xp, judge(rules, message(), None, 25).why) == (24, "earned")
    assert judge(guild(TEN | {"multiplier": 0.0}), message(), None, 0).why == "no_factor"


@pytest.mark.parametrize(
    ("rate", "lasting", "multiplier", "xp"),
    [
        (10, 60, 1, 10),
        (10, 300, 1, 50),
        (10, 1, 1, 0),  # a sixth
        (10, 3, 1, 1),  # a half
        (1, 89, 1, 1),
        (1, 90, 1, 2),
        (7, 100, 1, 12),  # 11.67
        (1, 20, 1.5, 1),  # a third times one and a half: a half
        (1, 10, 3, 1),
        (1, 86_400, 1, 1440),
        (10_000, 86_400, 100, 1_440_000_000),
    ],
)
def test_seconds_in_voice(rate: int, lasting: int, multiplier: float, xp: int) -> None:
    """Rounded once, at the end."""
    rules = guild({"xp_per_voice_minute": rate, "multiplier": multiplier})
    found = judge(rules, voice(lasting), None, None)
    assert (found.xp, found.base) == (xp, Fraction(rate * lasting, 60))


DRAWN = {"1": 18, "2": 23, "1175000000000000000": 17, "a": 17, "ä": 18, " ": 23, "🦉" * 64: 23}


@pytest.mark.parametrize(("id_", "xp"), DRAWN.items())
def test_a_message_is_worth_the_same_for_ever(id_: str, xp: int) -> None:
    """On any machine, by any version: of 15 to 25, from the id alone."""
    assert judge(guild(), message(id=id_), None, None).xp == xp


def test_only_the_id_decides() -> None:
    first = judge(guild(), message(id="1"), None, None).xp
    for other in (
        message(id="1", user_id=BO),
        message(id="1", occurred_at=NOON + timedelta(days=400)),
        message(id="1", channel_id=5, role_ids=[7]),
    ):
        assert judge(guild(), other, None, None).xp == first


@pytest.mark.parametrize(("least", "most"), [(15, 25), (0, 1), (0, 0), (7, 7), (0, 10_000)])
def test_draws_lie_within_the_bounds(least: int, most: int) -> None:
    rules = guild({"xp_per_message": {"min": least, "max": most}})
    drawn = Counter(judge(rules, message(id=f"{id_}-x"), None, None).xp for id_ in range(2000))
    assert least <= min(drawn)
    assert max(drawn) <= most
    if most - least <= 10:
        assert drawn.keys() == set(range(least, most + 1)), "both ends are possible"
        fair = 2000 / (most - least + 1)
        assert all(abs(count - fair) < 0.4 * fair for count in drawn.values()), "none is likelier than the others"


@pytest.mark.parametrize("more", [{"enabled": False}, IGNORED, ONLY, ROLES], ids=["off", "ignored", "only", "roles"])
def test_what_earns_nothing_here_still_has_its_base_and_its_multiplier(more: JsonObject) -> None:
    event = message(channel_id=9 if more is ONLY else 5, role_ids=[7])
    found = judge(guild(RATES | more | {"multiplier": 2.0}), event, None, 100)
    assert found.xp == 0
    assert (found.base, found.multiplier, found.cap_left) == (judge(guild(RATES), event, None, None).base, 2, 100)
    assert found.base > 0
