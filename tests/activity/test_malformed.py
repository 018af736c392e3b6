"""What is malformed in an event: each fault is shown with its pointer, all at once, and nothing is stored."""

from typing import Any

import httpx2
import msgspec
import pytest

from api.activity.dtos import BUILT_IN_STATS, RecordActivity
from api.errors import Invalid
from api.http.bodies import BodyReader
from api.lib.faults import Fault
from api.postgres.engine import PlainConnection
from tests.activity.test_http import NOTHING, pointers, stored
from tests.activity.test_record import PATH, message
from tests.support.people import HARBOUR

Json = dict[str, Any]  # Any: JSON

AT = "2026-11-22T18:07:03Z"
GOOD: dict[str, Json] = {
    "message": {"type": "message", "id": "1", "user_id": "1", "occurred_at": AT},
    "voice": {"type": "voice", "id": "1", "user_id": "1", "occurred_at": AT, "seconds": 300},
    "reaction": {"type": "reaction", "id": "1", "user_id": "1", "occurred_at": AT},
    "command": {"type": "command", "id": "1", "user_id": "1", "occurred_at": AT, "name": "rank"},
    "stat": {"type": "stat", "id": "1", "user_id": "1", "occurred_at": AT, "stat": "duels_won", "amount": 1},
}
GONE = object()
NO_ID: list[object] = [
    "0", "007", "-1", "abc", "", " 1", "1 ", "1\n", "1_0", "٣", "1.0", "1e3", "9223372036854775808", "9" * 40,
    0, -1, 2**63, 2**64, 10**30, 1.5, True, [], {}, ["1"],
]  # fmt: skip
NO_LINE: list[object] = ["", "a\n", "a\nb", "\x00", "a\x1f", "\x7f", "a\x85", None, 1, True, ["1"]]
NO_TIME: list[object] = [
    "2026-11-22T18:07:03", "2026-11-22", "18:07:03Z", "now", "", 1764000000, None, "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T18:07Z", "2026-11-22T18:07:03+25:00", AT + "\n",
]  # fmt: skip
FAULTY: dict[str, list[object]] = {
    "id": [GONE, *NO_LINE, "x" * 65, "🦉" * 65],
    "user_id": [GONE, None, *NO_ID],
    "occurred_at": [GONE, *NO_TIME],
    "channel_id": NO_ID,
    "parent_id": NO_ID,
    "role_ids": ["1", 1, {}, ["1"] * 251],
}
OWN: dict[str, dict[str, list[object]]] = {
    "voice": {"seconds": [GONE, 1.5, "300", None, True]},
    "command": {"name": [GONE, *NO_LINE, "x" * 101]},
    "stat": {
        "stat": [GONE, None, 1, "", "Duels", "1st", "_a", "a-b", "a b", "ä", "duels\n", "x" * 65, *BUILT_IN_STATS],
        "amount": [GONE, None, "1", 1.5, True],
    },
}
FOREIGN = {
    "message": ["seconds", "name", "stat", "amount"],
    "voice": ["name", "stat", "amount"],
    "reaction": ["seconds", "name", "stat", "amount"],
    "command": ["seconds", "stat", "amount"],
    "stat": ["seconds", "name"],
}


def faulty(kind: str) -> list[tuple[Json, str]]:
    """Events of this type with one fault each, and its place in the event."""
    found = []
    for name, values in (FAULTY | OWN.get(kind, {})).items():
        for value in values:
            event = {key: each for key, each in (GOOD[kind] | {name: value}).items() if each is not GONE}
            found.append((event, f"/{name}"))
    found += [(GOOD[kind] | {"role_ids": ["1", role, "3"]}, "/role_ids/1") for role in NO_ID]
    unknown = {name: f"/{name}" for name in (*FOREIGN[kind], "guild", "xp", "ID", "")} | {"a/b~c": "/a~1b~0c"}
    return found + [(GOOD[kind] | {name: 1}, place) for name, place in unknown.items()]


reader = BodyReader(RecordActivity)


def refused(body: object) -> list[Fault]:
    """What is wrong with a body, as the body reader finds it."""
    with pytest.raises(Invalid) as caught:
        reader.read(msgspec.json.encode(body))
    return [fault for fault in caught.value.errors if isinstance(fault, Fault)]


@pytest.mark.parametrize("kind", GOOD)
def test_each_fault_alone_is_reported_at_its_place(kind: str) -> None:
    wrong = {}
    for event, place in faulty(kind):
        pointers = {fault.pointer for fault in refused({"events": [GOOD["message"], event]})}
        if pointers != {f"/events/1{place}"}:
            wrong[str(event)] = pointers
    assert not wrong


@pytest.mark.parametrize("kind", GOOD)
def test_what_a_good_event_may_be(kind: str) -> None:
    harmless: list[Json] = [
        {},
        {"id": "x" * 64},
        {"id": "🦉" * 64},
        {"id": " "},
        {"user_id": 1},
        {"user_id": 2**63 - 1},
        {"user_id": str(2**63 - 1)},
        {"channel_id": None},
        {"channel_id": 2**63 - 1, "role_ids": [1, "2", 2**63 - 1]},
        {"role_ids": []},
        {"role_ids": [str(role) for role in range(1, 251)]},
        {"occurred_at": "2026-11-22T18:07:03.123456+05:30"},
        {"occurred_at": "0001-01-01T00:00:00Z"},
        {"occurred_at": "9999-12-31T23:59:59.999999Z"},
    ]
    for more in harmless:
        assert reader.read(msgspec.json.encode({"events": [GOOD[kind] | more]}))


async def test_all_faults_at_once_and_nothing_is_stored(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Every second event is good."""
    await bot.get(f"/v1/guilds/{HARBOUR}")
    for kind in GOOD:
        cases = faulty(kind)
        events = [each for case in cases for each in (message("1"), case[0])]
        answer = await bot.post(PATH, json={"events": events})
        expected = {f"/events/{2 * number + 1}{place}" for number, (_, place) in enumerate(cases)}
        assert set(pointers(answer)) == expected, kind
        assert all(fault["message"] for fault in answer.json()["errors"])
    assert await stored(owner) == NOTHING


def test_several_faults_of_one_event() -> None:
    event = {"type": "voice", "id": "", "user_id": "0", "channel_id": "x", "role_ids": ["1", "y"], "color": 1}
    pointers = {fault.pointer for fault in refused({"events": [event], "guild": "1"})}
    members = ("id", "user_id", "channel_id", "role_ids/1", "color", "seconds", "occurred_at")
    assert pointers == {"/guild", *(f"/events/0/{name}" for name in members)}


@pytest.mark.parametrize(
    ("change", "message_"),
    [
        ({"type": "presence"}, 'is not one of "message"'),
        ({"type": ""}, 'is not one of "message"'),
        ({"type": "Message"}, 'is not one of "message"'),
        ({"type": "message\n"}, 'is not one of "message"'),
        ({"type": None}, ""),
        ({"type": 1}, ""),
        ({"type": ["message"]}, ""),
        ({"type": GONE}, "is required"),
    ],
)
def test_types_that_there_are_not(change: Json, message_: str) -> None:
    event = {name: value for name, value in (GOOD["message"] | change).items() if value is not GONE}
    found = refused({"events": [event]})
    assert [fault.pointer for fault in found] == ["/events/0/type"]
    assert message_ in found[0].message


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/events"), ({"events": None}, "/events"), ({"events": {}}, "/events"), ({"events": "x"}, "/events"),
        ({"events": [None]}, "/events/0"), ({"events": [1]}, "/events/0"), ({"events": [[]]}, "/events/0"),
        ({"events": ["message"]}, "/events/0"), ({"events": [GOOD["message"]], "a/b": 1}, "/a~1b"),
    ],
)  # fmt: skip
def test_other_bodies(body: Json, place: str) -> None:
    assert [fault.pointer for fault in refused(body)] == [place]


@pytest.mark.parametrize("kind", ["presence", None])
def test_an_unknown_type_is_reported_among_others(kind: str | None) -> None:
    found = refused({"events": [GOOD["message"] | {"id": "", "type": kind}]})
    assert {fault.pointer for fault in found} == {"/events/0/id", "/events/0/type"}
