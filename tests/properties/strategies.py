"""Guilds' settings and what members do, as hypothesis draws them."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from tests.properties.curves import rises, thresholds

Json = dict[str, Any]  # Any: what JSON holds

CHANNELS = ["11", "12", "13"]
ROLES = ["21", "22", "23"]
USERS = [190320984123768832, 41771983423143937, 9007199254740993, 7, 2**63 - 1]

# Clocks go forward in the week before the first, back in the week before the second; Beirut's at midnight.
SPRING = datetime(2027, 3, 29, 21, 30, tzinfo=UTC)
AUTUMN = datetime(2027, 11, 1, 3, 30, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Asia/Beirut", "America/Havana", "Asia/Kathmandu", "Pacific/Kiritimati"]
WEEK = timedelta(days=6, hours=23)

FACTORS = [0, 0, 0.2, 0.3, 0.5, 0.85, 1, 1.025, 1.15, 1.5, 2, 2.675, 10]
GAPS = [0.5, 1, 29, 30, 59.999, 60, 60.001, 61, 600, 7_200, 43_200, 86_400, 172_800]

factors = st.sampled_from(FACTORS)


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


def _multipliers(member: str, ids: list[str]) -> st.SearchStrategy[list[Json]]:
    one = st.fixed_dictionaries({member: st.sampled_from(ids), "factor": factors})
    return st.lists(one, max_size=3, unique_by=lambda multiplier: multiplier[member])


def _multiplying() -> dict[str, st.SearchStrategy[Any]]:  # Any: values of every kind
    return {
        "role_multipliers": _multipliers("role_id", ROLES),
        "channel_multipliers": _multipliers("channel_id", CHANNELS),
        "multiplier_stacking": st.fixed_dictionaries(
            {
                "roles": st.sampled_from(["largest", "smallest", "add", "multiply"]),
                "channel_with_roles": st.sampled_from(["multiply", "add", "largest", "channel_first", "role_first"]),
            }
        ),
    }


@st.composite
def _curves(draw: st.DrawFn) -> Json:
    presets = ["mee6", "polaris", "arcane", "lurkr", "amari", "nadeko"]
    coefficients = draw(st.lists(st.sampled_from([0.5, 1, 2.25, 5, 50, 100, 12.345]), min_size=2, max_size=4))
    table = st.lists(st.integers(1, 5_000), min_size=1, max_size=12, unique=True).map(sorted)
    curve: Json = draw(
        st.one_of(
            st.sampled_from(presets).map(lambda preset: {"kind": "preset", "preset": preset}),
            st.just({"kind": "cost", "coefficients": coefficients}),
            st.sampled_from([1, 10, 100]).map(
                lambda step: {"kind": "total", "coefficients": coefficients, "round_to": step}
            ),
            table.map(lambda totals: {"kind": "table", "thresholds": totals}),
        )
    )
    return curve


@st.composite
def levelings(draw: st.DrawFn, *, ranges: bool = False) -> Json:
    """Overrides of `leveling`; a message's XP is one number, unless `ranges`."""
    low = draw(st.sampled_from([0, 1, 15, 20, 37, 250]))
    curve = draw(_curves())
    # A table says itself where it ends, and a total that rounds up may not rise at first.
    max_level = None if curve["kind"] == "table" else draw(st.sampled_from([None, None, 1, 3, 10, 999]))
    if not rises(thresholds(curve, max_level)):
        curve, max_level = {"kind": "preset", "preset": "arcane"}, None
    optional: dict[str, st.SearchStrategy[Any]] = {  # Any: values of every kind
        "cooldown_seconds": st.sampled_from([0, 1, 30, 60, 60, 3600]),
        "xp_per_voice_minute": st.sampled_from([0, 1, 7, 100]),
        "xp_per_reaction": st.sampled_from([0, 1, 9]),
        "xp_per_command": st.sampled_from([0, 3, 10]),
        "daily_xp_cap": st.sampled_from([None, 0, 1, 50, 99, 1_000]),
        "multiplier": factors,
        **_multiplying(),
        "ignored_channel_ids": _some(CHANNELS),
        "ignored_role_ids": _some(ROLES),
        "only_channel_ids": _some(CHANNELS),
        "enabled": st.sampled_from([True] * 9 + [False]),
    }
    values: Json = draw(st.fixed_dictionaries({}, optional=optional))
    high = low + draw(st.sampled_from([1, 10])) if ranges else low
    return {**values, "xp_per_message": {"min": low, "max": high}, "curve": curve, "max_level": max_level}


@st.composite
def histories(draw: st.DrawFn, *, now: datetime = SPRING, users: int = 3, size: int = 25) -> list[Json]:
    """Events of the last week in true order, no two at the same moment."""
    events: list[Json] = []
    at = now
    for number in range(draw(st.integers(1, size))):
        at -= timedelta(seconds=draw(st.sampled_from(GAPS)))
        if at < now - WEEK:
            break
        events.append(draw(_events(f"e{number}", at, USERS[:users])))
    return events[::-1]


@st.composite
def _events(draw: st.DrawFn, id_: str, at: datetime, users: list[int]) -> Json:
    kind = draw(st.sampled_from(["message", "message", "message", "message", "voice", "reaction", "command", "stat"]))
    event: Json = {"id": id_, "type": kind, "user_id": str(draw(st.sampled_from(users)))}
    event["occurred_at"] = at.isoformat()
    if kind == "voice":
        event["seconds"] = draw(st.sampled_from([1, 29, 30, 31, 60, 90, 3_599, 86_400]))
    if kind == "stat":
        event |= {"stat": draw(st.sampled_from(["duels_won", "pies"])), "amount": draw(st.integers(1, 5))}
    if kind == "command":
        event["name"] = "rank"
    if kind not in ("command", "stat") and draw(st.booleans()):
        event["channel_id"] = draw(st.sampled_from(CHANNELS))
        if draw(st.integers(0, 3)) == 0:
            event["parent_id"] = draw(st.sampled_from(CHANNELS))
    if kind != "stat" and (held := draw(st.lists(st.sampled_from(ROLES), max_size=3, unique=True))):
        event["role_ids"] = held
    return event


@st.composite
def splits(draw: st.DrawFn, events: list[Json]) -> list[list[Json]]:
    """The events as requests, each in an order of its own."""
    requests: list[list[Json]] = [[]]
    cutting = draw(st.sampled_from([0, 1, 4]))  # never, after each, now and then
    for event in events:
        requests[-1].append(event)
        if cutting == 1 or (cutting > 1 and draw(st.integers(1, cutting)) == 1):
            requests.append([])
    return [draw(st.permutations(request)) for request in requests if request]


def multiplied() -> st.SearchStrategy[Json]:
    """Overrides that do nothing but multiply."""
    return st.fixed_dictionaries(
        {**_multiplying(), "xp_per_message": st.sampled_from([{"min": 20, "max": 20}, {"min": 37, "max": 37}])}
    )


def everyones_first() -> list[Json]:
    """A message in each channel with each choice of roles, each of another member."""
    places = [
        (channel, held) for channel in (None, *CHANNELS) for size in range(4) for held in combinations(ROLES, size)
    ]
    return [
        {
            "id": f"first-{number}",
            "type": "message",
            "user_id": str(number),
            "role_ids": list(held),
            "occurred_at": (SPRING - timedelta(seconds=number)).isoformat(),
            **({} if channel is None else {"channel_id": channel}),
        }
        for number, (channel, held) in enumerate(places, start=1)
    ]


def capped() -> st.SearchStrategy[Json]:
    """Overrides that limit: a cap, or a cooldown, or both."""
    return st.fixed_dictionaries(
        {
            "xp_per_message": st.just({"min": 20, "max": 20}),
            "xp_per_reaction": st.just(7),
            "daily_xp_cap": st.sampled_from([None, 30, 45, 100]),
            "cooldown_seconds": st.sampled_from([0, 60, 600]),
        }
    )
