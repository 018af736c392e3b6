"""`POST …/activity`: who may, what is refused, and where it says so."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from api.activity.controller import LARGEST_BODY
from api.activity.dtos import BUILT_IN_STATS, RecordActivity
from api.auth.scopes import ALL, Scope
from api.engine import PlainConnection
from api.errors import Invalid
from api.intake import BodyReader
from api.lib.faults import Fault
from api.parts import TABLES
from tests.activity.test_record import PATH, message, record
from tests.members.people import hide, leveling, member, profile
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, NOBODYS

Json = dict[str, Any]  # Any: JSON
JSON = {"Content-Type": "application/json"}
STORED = (*TABLES, "members", "custom_stats", "boards", "xp_counts")
NOTHING = dict.fromkeys(STORED, 0)
EXPLAIN = f"{PATH}/explain"


async def stored(owner: PlainConnection) -> dict[str, int]:
    """How many rows there are of all that events become."""
    return {table: await owner.fetchval(f"SELECT count(*) FROM {table}") for table in STORED}


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [fault["pointer"] for fault in answer.json()["errors"]]


# --- who may


@pytest.mark.parametrize("path", [PATH, EXPLAIN])
async def test_who_may(
    bot: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    mallory: httpx.AsyncClient,
    clients: Clients,
    owner: PlainConnection,
    path: str,
) -> None:
    """401, then 403, then 404: before anything is said of what was sent."""
    needed = Scope.ACTIVITY_WRITE if path == PATH else Scope.MEMBERS_READ
    nobodys = path.replace(str(HARBOUR), str(NOBODYS))
    async with (
        await clients.bot(scopes=[scope for scope in ALL if scope != needed]) as without,
        await clients.bot(scopes=[needed]) as enough,
    ):
        for body in (b"{", b'{"events": []}', msgspec.json.encode({"events": [message("1")]})):
            answer = await anonymous.post(path, content=body, headers=JSON)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            for address in (path, nobodys):
                assert (await without.post(address, content=body, headers=JSON)).status_code == 403
            hidden = await mallory.post(path, content=body, headers=JSON)
            missing = await bot.post(nobodys, content=body, headers=JSON)
            assert (hidden.status_code, missing.status_code) == (404, 404)
            same = "type", "title", "detail"
            assert [hidden.json()[name] for name in same] == [missing.json()[name] for name in same]
        assert await stored(owner) == NOTHING
        assert (await enough.post(path, json={"events": [message("1")]})).status_code == 200


async def test_a_guild_that_the_bot_left(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    """Also where the key and the guild's rules are in memory."""
    await record(bot, message("1"))
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    assert (await bot.post(PATH, json={"events": [message("2")]})).status_code == 404
    assert (await bot.post(EXPLAIN, json={"events": [message("2")]})).status_code == 404
    assert await owner.fetchval("SELECT count(*) FROM activity_ids") == 1
    await bot.post(f"/v1/guilds/{HARBOUR}/restore")
    assert (await record(bot, message("2")))["accepted"] == 1


# --- what is readable


async def test_media_types(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    body = msgspec.json.encode({"events": [message("1")]})
    for refused in (
        "text/plain",
        "application/x-ndjson",
        "application/msgpack",
        "application/json; charset=latin1",
        "",
    ):
        answer = await bot.post(PATH, content=body, headers={"Content-Type": refused} if refused else {})
        assert answer.status_code == 415, refused
    assert await stored(owner) == NOTHING
    for taken in ("application/json", "Application/JSON", "application/json; charset=UTF-8"):
        assert (await bot.post(PATH, content=body, headers={"Content-Type": taken})).status_code == 200, taken


UNREADABLE = [
    b"", b"{", b'{"events": [', b"{}{}", b'{"events": [{"id": "\xff"}]}', b'{"events": [{"id": "\\ud800"}]}',
    b'{"events": NaN}', b"[" * 33, b'{"events": ' + b"[" * 40 + b"]" * 40 + b"}", b"\xef\xbb\xbf{}",
]  # fmt: skip


async def test_unreadable(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await record(bot, message("1"))
    before = await stored(owner)
    for body in UNREADABLE:
        answer = await bot.post(PATH, content=body, headers=JSON)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:guildhall:problem:unreadable-body"), body
    assert await stored(owner) == before


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1_000_000):
        yield body[start : start + 1_000_000]


@pytest.mark.parametrize("known", [False, True], ids=["ordinary", "shortcut"])
@pytest.mark.parametrize("declared", [True, False], ids=["its length is told", "in chunks"])
async def test_8_mib(bot: httpx.AsyncClient, owner: PlainConnection, known: bool, declared: bool) -> None:
    if known:
        await record(bot, message("0"))
    before = await stored(owner)
    whole = msgspec.json.encode({"events": [message("1")]}).ljust(LARGEST_BODY)
    for body, status in ((whole + b" ", 413), (whole, 200)):
        answer = await bot.post(PATH, content=body if declared else pieces(body), headers=JSON)
        assert answer.status_code == status
        assert status == 200 or await stored(owner) == before


# --- how many


async def test_one_to_a_thousand_events(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    many = [message(str(number), user=1000 + number % 7) for number in range(1001)]
    assert pointers(await bot.post(PATH, json={"events": []})) == ["/events"]
    assert pointers(await bot.post(PATH, json={"events": many})) == ["/events"]
    assert await stored(owner) == NOTHING
    assert (await record(bot, *many[:1000]))["accepted"] == 1000
    assert await owner.fetchval("SELECT sum(messages) FROM members") == 1000


# --- what is malformed: each fault at its place

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
    "role_ids": ["1", 1, {}, ["1"] * 251],
}
OWN: dict[str, dict[str, list[object]]] = {
    "voice": {"seconds": [GONE, 0, -1, 86_401, 1.5, "300", None, True, 2**63, 10**30]},
    "command": {"name": [GONE, *NO_LINE, "x" * 101]},
    "stat": {
        "stat": [GONE, None, 1, "", "Duels", "1st", "_a", "a-b", "a b", "ä", "duels\n", "x" * 65, *BUILT_IN_STATS],
        "amount": [GONE, None, "1", 1.5, True, 10**9 + 1, -(10**9) - 1, 2**63, 10**30],
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
            event = {key: told for key, told in (GOOD[kind] | {name: value}).items() if told is not GONE}
            found.append((event, f"/{name}"))
    for role in NO_ID:
        found.append((GOOD[kind] | {"role_ids": ["1", role, "3"]}, "/role_ids/1"))
    for name in (*FOREIGN[kind], "guild", "xp", "ID", "", "a/b~c"):
        found.append((GOOD[kind] | {name: 1}, "/" + name.replace("~", "~0").replace("/", "~1")))
    return found


reader = BodyReader(RecordActivity)


def refused(body: object) -> list[Fault]:
    """What is wrong with a body, as the edge finds it."""
    with pytest.raises(Invalid) as caught:
        reader.read(msgspec.json.encode(body))
    return [fault for fault in caught.value.errors if isinstance(fault, Fault)]


@pytest.mark.parametrize("kind", GOOD)
def test_each_fault_alone_is_told_at_its_place(kind: str) -> None:
    wrong = {}
    for event, place in faulty(kind):
        told = {fault.pointer for fault in refused({"events": [GOOD["message"], event]})}
        if told != {f"/events/1{place}"}:
            wrong[str(event)] = told
    assert not wrong


@pytest.mark.parametrize("kind", GOOD)
def test_what_a_good_event_may_be(kind: str) -> None:
    for more in (
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
    ):
        assert reader.read(msgspec.json.encode({"events": [GOOD[kind] | more]}))


async def test_all_faults_at_once_and_nothing_is_stored(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
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
    told = {fault.pointer for fault in refused({"events": [event], "guild": "1"})}
    members = ("id", "user_id", "channel_id", "role_ids/1", "color", "seconds", "occurred_at")
    assert told == {"/guild", *(f"/events/0/{name}" for name in members)}


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


# --- what is taken


async def test_ids_are_taken_as_integers_too(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    largest = 2**63 - 1
    await record(bot, message("1", channel_id=largest, role_ids=[largest, "1"]) | {"user_id": largest})
    assert (await record(bot, message("2") | {"user_id": str(largest)}))["accepted"] == 1
    assert await owner.fetchval("SELECT messages FROM members WHERE user_id = $1", largest) == 2


async def test_ids_of_events_are_told_apart_by_every_character(bot: httpx.AsyncClient) -> None:
    ids = ["1", "01", "1 ", " 1", "a", "A", "á", "a\u0301", "x" * 64, "🦉" * 64, "'; --", "%00", "\u2028", "ß", "ss"]
    answer = await record(bot, *(message(id_) for id_ in ids))
    assert answer["accepted"] == len(ids)
    answer = await record(bot, *(message(id_) for id_ in ids))
    assert (answer["accepted"], answer["duplicates"]) == (0, len(ids))


async def test_too_old_and_in_future_are_rejected_by_index(bot: httpx.AsyncClient, clock: MovableClock) -> None:
    now = clock.now()
    week, minute, second = timedelta(days=7), timedelta(minutes=1), timedelta(seconds=20)
    events = [
        message("now", at=now),
        message("barely", at=now - week + second),
        message("old", at=now - week - second),
        message("soon", at=now + 5 * minute - second),
        message("ahead", at=now + 5 * minute + second),
        message("ancient") | {"occurred_at": "0001-01-01T00:00:00+14:00"},
        message("far") | {"occurred_at": "9999-12-31T23:59:59.999999-12:00"},
        message("last", at=now, user=BO),
    ]
    answer = await record(bot, *events)
    assert (answer["accepted"], answer["duplicates"]) == (4, 0)
    assert answer["rejected"] == [
        {"index": 2, "reason": "too_old"},
        {"index": 4, "reason": "in_future"},
        {"index": 5, "reason": "too_old"},
        {"index": 6, "reason": "in_future"},
    ]
    assert (await profile(bot, ADA))["stats"]["messages"] == 3
    again = await record(bot, *events)
    assert (again["accepted"], again["duplicates"], again["rejected"]) == (0, 4, answer["rejected"])
    clock.move(minutes=6)
    assert (await record(bot, events[4]))["accepted"] == 1, "what was rejected was not remembered"


async def test_where_all_are_rejected(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    answer = await record(bot, message("1", at=datetime(2015, 1, 1, tzinfo=UTC)))
    assert (answer["accepted"], answer["rejected"]) == (0, [{"index": 0, "reason": "too_old"}])
    assert await stored(owner) == NOTHING


# --- the two roads

ROADS: dict[str, dict[str, str]] = {
    "plain": {},
    "with a reason": {"X-Audit-Log-Reason": "because"},
    "idempotent": {"Idempotency-Key": "k1"},
    "MessagePack": {"Accept": "application/vnd.msgpack"},
}


async def test_both_roads_give_the_same_answers(bot: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def encode(answer: object) -> bytes:
        taken.append(answer)
        return msgspec.json.encode(answer)

    monkeypatch.setattr("api.activity.shortcut._encode", encode)
    fixed: Json = {"min": 1000, "max": 1000}
    await leveling(bot, xp_per_message=fixed, cooldown_seconds=0, role_rewards=[{"level": 2, "role_id": "7"}])
    await record(bot, message("0", user=7))  # now key and rules are in memory
    taken.clear()
    answers, shortcuts, faults = [], [], []
    for number, (name, headers) in enumerate(ROADS.items()):
        old = message("old", at=datetime(2015, 1, 1, tzinfo=UTC))
        events = [message(f"{name}", user=1000 + number, channel_id="5"), message("0"), old]
        answer = await bot.post(PATH, json={"events": events}, headers=headers)
        assert answer.status_code == 200, answer.text
        body = msgspec.msgpack.decode(answer.content) if name == "MessagePack" else answer.json()
        assert body["level_ups"][0].pop("user_id") == str(1000 + number)
        assert body["level_ups"][0]["announce"].pop("text")
        assert {"x-request-id", "x-content-type-options", "cache-control", "content-length"} <= answer.headers.keys()
        answers.append(body)
        shortcuts.append(len(taken))
        bad = await bot.post(PATH, json={"events": [message("") | {"user_id": 0}]}, headers=headers)
        faults.append(bad.status_code)
    assert answers == [answers[0]] * len(ROADS)
    assert (answers[0]["accepted"], answers[0]["duplicates"], len(answers[0]["rejected"])) == (1, 1, 1)
    assert shortcuts == [1, 1, 1, 1], "only what is plain takes the shortcut"
    assert faults == [422] * len(ROADS)


# --- people


async def test_opted_out(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    """Counted in the answer as others are; nothing is stored, not even the id."""
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    stat = {**message("2"), "type": "stat", "stat": "duels", "amount": 2}
    for _ in range(2):
        answer = await record(bot, message("1"), stat)
        assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (2, 0, [])
        assert await stored(owner) == NOTHING
    answer = await record(bot, message("1"), message("3", user=BO))
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert await owner.fetchval("SELECT array_agg(user_id) FROM members") == [BO]
    assert await owner.fetchval("SELECT array_agg(id) FROM activity_ids") == ["3"]
    assert await owner.fetchval("SELECT sum(messages) FROM activity_days WHERE user_id = 0") == 1
    assert (await bot.get(member(ADA))).status_code == 404
    await owner.execute("UPDATE privacy_choices SET opted_out_at = NULL")
    assert (await record(bot, message("1")))["accepted"] == 1
    assert (await profile(bot, ADA))["stats"]["messages"] == 1


async def test_opted_out_keeps_what_was_there(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, cooldown_seconds=0)
    await record(bot, message("1"))
    before, rows = await profile(bot, ADA), await stored(owner)
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    assert (await record(bot, message("2"), message("3")))["level_ups"] == []
    assert (await profile(bot, ADA), await stored(owner)) == (before, rows)


async def test_hidden_people_count_and_are_on_no_board(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await hide(owner, ADA)
    await record(bot, message("1"), message("2", user=BO))
    found = await profile(bot, ADA)
    assert (found["rank"], found["member_count"], found["stats"]["messages"]) == (None, 1, 1)
    assert (await profile(bot, BO))["rank"] == 1
    await record(bot, message("3"))
    assert (await profile(bot, ADA))["rank"] is None
    assert await owner.fetchval("SELECT count(*) FROM boards WHERE user_id = $1", ADA) == 0


async def test_coming_back(bot: httpx.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    """By what they did since they left, and not by what comes late of the time before."""
    await leveling(bot, cooldown_seconds=0)
    before = clock.now()
    await record(bot, message("1"), message("2", user=BO))
    assert (await bot.delete(member(ADA))).status_code == 204
    clock.move(minutes=1)
    await record(bot, message("late", at=before))
    found = await profile(bot, ADA)
    assert (found["rank"], found["stats"]["messages"]) == (None, 2)
    await record(bot, message("back", at=clock.now()))
    found = await profile(bot, ADA)
    assert (found["rank"], found["member_count"], found["stats"]["messages"]) == (1, 2, 3)
    assert await owner.fetchval("SELECT left_at FROM members WHERE user_id = $1", ADA) is None
    assert (await bot.delete(member(ADA))).status_code == 204, "and may leave again"


async def test_who_is_hidden_comes_back_hidden(
    bot: httpx.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    await record(bot, message("1"))
    await hide(owner, ADA)
    await bot.delete(member(ADA))
    clock.move(minutes=1)
    await record(bot, message("2", at=clock.now()))
    assert await owner.fetchval("SELECT left_at FROM members") is None
    assert (await profile(bot, ADA))["rank"] is None


async def test_coming_back_after_a_reset(bot: httpx.AsyncClient, clock: MovableClock) -> None:
    """From the beginning."""
    await leveling(bot, on_leave="reset", xp_per_message={"min": 10, "max": 10})
    await record(bot, message("1"))
    await bot.delete(member(ADA))
    assert (await bot.get(member(ADA))).status_code == 404
    clock.move(minutes=2)
    await record(bot, message("2", at=clock.now()))
    found = await profile(bot, ADA)
    assert (found["xp"], found["rank"], found["stats"]["messages"]) == (10, 1, 1)
