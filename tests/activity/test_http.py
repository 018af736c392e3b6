"""`POST …/activity`: who may, what is readable, what is accepted, and whether by the fast path."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar

from api.activity.controller import LARGEST_BODY
from api.auth.scopes import ALL, Scope
from api.postgres.engine import PlainConnection
from api.postgres.partitions import TABLES
from tests.activity.test_record import PATH, message, record
from tests.members.people import leveling, profile
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, NOBODYS
from tests.support.wiring import services_of

Json = dict[str, Any]  # Any: JSON
JSON = {"Content-Type": "application/json"}
STORED = (*TABLES, "members", "custom_stats", "boards", "xp_counts")
NOTHING = dict.fromkeys(STORED, 0)
EXPLAIN = f"{PATH}/explain"


async def stored(owner: PlainConnection) -> dict[str, int]:
    """How many rows there are of all that events become."""
    return {table: await owner.fetchval(f"SELECT count(*) FROM {table}") for table in STORED}


async def until_in_memory(bot: httpx2.AsyncClient, app: Litestar) -> None:
    """Until the bot's key and the guild's rules stay in memory: then what is plain takes the fast path. For a
    moment after a change each look at the tables has them forgotten."""
    services = services_of(app)
    for _ in range(40):
        await record(bot, message("warm", user=7))
        await asyncio.sleep(0.1)
        known = services.keyring.cached(bot.headers["Authorization"].encode())
        if known is not None and services.activity.cached_config(HARBOUR) is not None:
            return
    raise AssertionError


def pointers(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [fault["pointer"] for fault in answer.json()["errors"]]


# --- who may


@pytest.mark.parametrize("path", [PATH, EXPLAIN])
async def test_who_may(
    bot: httpx2.AsyncClient,
    anonymous: httpx2.AsyncClient,
    mallory: httpx2.AsyncClient,
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
            missing = await mallory.post(nobodys, content=body, headers=JSON)
            assert (hidden.status_code, missing.status_code) == (404, 404)
            same = "type", "title", "detail"
            assert [hidden.json()[name] for name in same] == [missing.json()[name] for name in same]
        assert await stored(owner) == NOTHING
        assert (await enough.post(path, json={"events": [message("1")]})).status_code == 200


async def test_a_guild_that_the_bot_left(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Also where the key and the guild's rules are in memory."""
    await record(bot, message("1"))
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    assert (await bot.post(PATH, json={"events": [message("2")]})).status_code == 404
    assert (await bot.post(EXPLAIN, json={"events": [message("2")]})).status_code == 404
    assert await owner.fetchval("SELECT count(*) FROM activity_ids") == 1
    await bot.post(f"/v1/guilds/{HARBOUR}/restore")
    assert (await record(bot, message("2")))["accepted"] == 1


# --- what is readable


async def test_media_types(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
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


async def test_unreadable(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await record(bot, message("1"))
    before = await stored(owner)
    for body in UNREADABLE:
        answer = await bot.post(PATH, content=body, headers=JSON)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:guildhall:problem:unreadable-body"), body
    assert await stored(owner) == before


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1_000_000):
        yield body[start : start + 1_000_000]


@pytest.mark.parametrize("known", [False, True], ids=["ordinary", "fast path"])
@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
async def test_8_mib(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar, known: bool, declared: bool
) -> None:
    if known:
        await until_in_memory(bot, litestar_app)
    before = await stored(owner)
    whole = msgspec.json.encode({"events": [message("1")]}).ljust(LARGEST_BODY)
    for body, status in ((whole + b" ", 413), (whole, 200)):
        answer = await bot.post(PATH, content=body if declared else pieces(body), headers=JSON)
        assert answer.status_code == status
        assert status == 200 or await stored(owner) == before


# --- how many


async def test_one_to_a_thousand_events(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    many = [message(str(number), user=1000 + number % 7) for number in range(1001)]
    assert pointers(await bot.post(PATH, json={"events": []})) == ["/events"]
    assert pointers(await bot.post(PATH, json={"events": many})) == ["/events"]
    assert await stored(owner) == NOTHING
    assert (await record(bot, *many[:1000]))["accepted"] == 1000
    assert await owner.fetchval("SELECT sum(messages) FROM members") == 1000


# --- what is taken


async def test_ids_are_accepted_as_integers_too(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    largest = 2**63 - 1
    await record(bot, message("1", channel_id=largest, role_ids=[largest, "1"]) | {"user_id": largest})
    assert (await record(bot, message("2") | {"user_id": str(largest)}))["accepted"] == 1
    assert await owner.fetchval("SELECT messages FROM members WHERE user_id = $1", largest) == 2


async def test_ids_of_events_differ_by_every_character(bot: httpx2.AsyncClient) -> None:
    ids = ["1", "01", "1 ", " 1", "a", "A", "á", "a\u0301", "x" * 64, "🦉" * 64, "'; --", "%00", "\u2028", "ß", "ss"]
    answer = await record(bot, *(message(id_) for id_ in ids))
    assert answer["accepted"] == len(ids)
    answer = await record(bot, *(message(id_) for id_ in ids))
    assert (answer["accepted"], answer["duplicates"]) == (0, len(ids))


async def test_too_old_and_in_future_are_rejected_by_index(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
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


async def test_times_of_any_offset_are_accepted(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """PostgreSQL knows offsets below 16 hours, RFC 3339 those below 24."""
    now = clock.now()
    for minutes in (1439, -1439, 960, 840, 1):
        there = now.astimezone(timezone(timedelta(minutes=minutes)))
        body = {"events": [message(str(minutes)) | {"occurred_at": there.isoformat()}]}
        explained = await bot.post(EXPLAIN, json=body)
        answer = await bot.post(PATH, json=body)
        assert (explained.status_code, answer.status_code) == (200, 200), answer.text
        assert answer.json()["accepted"] == 1
    assert (await profile(bot, ADA))["last_active_at"] == now.isoformat().replace("+00:00", "Z")


async def test_what_is_out_of_range_is_rejected_by_index(bot: httpx2.AsyncClient) -> None:
    """A number is a value: of its own event alone, by whichever way the request comes."""
    voice = {"type": "voice", "seconds": 86_400}
    stat = {"type": "stat", "stat": "duels_won", "amount": -(10**9)}
    events = [
        *(message(f"v{seconds}") | voice | {"seconds": seconds} for seconds in (1, 0, -1, 86_401, 2**63, 10**30)),
        *(message(f"s{amount}") | stat | {"amount": amount} for amount in (0, 10**9 + 1, -(10**9) - 1, 2**64)),
        message("longest") | voice, message("least") | stat, message("last"),
    ]  # fmt: skip
    wrong = [{"index": index, "reason": "out_of_range"} for index in (1, 2, 3, 4, 5, 7, 8, 9)]
    for accepted, headers in ((5, {}), (0, {"Idempotency-Key": "1"})):
        answer = await bot.post(PATH, json={"events": events}, headers=headers)
        assert (answer.json()["accepted"], answer.json()["rejected"]) == (accepted, wrong)
    ada = await profile(bot, ADA)
    assert (ada["stats"]["voice_seconds"], ada["custom_stats"]) == (86_401, {"duels_won": -(10**9)})

    explained = (await bot.post(EXPLAIN, json={"events": events})).json()["items"]
    reasons = [each["reason"] for each in explained]
    assert [index for index, reason in enumerate(reasons) if "rejected" in reason] == [each["index"] for each in wrong]
    assert reasons[1] == "Its member `seconds` is not from 1 to 86,400: it would be rejected."
    assert reasons[7] == "Its member `amount` is not from -1,000,000,000 to 1,000,000,000: it would be rejected."


async def test_where_all_are_rejected(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    answer = await record(bot, message("1", at=datetime(2015, 1, 1, tzinfo=UTC)))
    assert (answer["accepted"], answer["rejected"]) == (0, [{"index": 0, "reason": "too_old"}])
    assert await stored(owner) == NOTHING


# --- both ways

WAYS: dict[str, dict[str, str]] = {
    "plain": {},
    "with a reason": {"X-Audit-Log-Reason": "because"},
    "idempotent": {"Idempotency-Key": "k1"},
    "MessagePack": {"Accept": "application/vnd.msgpack"},
}


async def test_both_ways_give_the_same_answers(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []

    def encode(answer: object) -> bytes:
        taken.append(answer)
        return msgspec.json.encode(answer)

    monkeypatch.setattr("api.activity.fast_path._encode", encode)
    fixed: Json = {"min": 1000, "max": 1000}
    await leveling(bot, xp_per_message=fixed, cooldown_seconds=0, role_rewards=[{"level": 2, "role_id": "7"}])
    await until_in_memory(bot, litestar_app)
    taken.clear()
    answers, fast_paths, faults = [], [], []
    for number, (name, headers) in enumerate(WAYS.items()):
        old = message("old", at=datetime(2015, 1, 1, tzinfo=UTC))
        events = [message(f"{name}", user=1000 + number, channel_id="5"), message("warm"), old]
        answer = await bot.post(PATH, json={"events": events}, headers=headers)
        assert answer.status_code == 200, answer.text
        body = msgspec.msgpack.decode(answer.content) if name == "MessagePack" else answer.json()
        assert body["level_ups"][0].pop("user_id") == str(1000 + number)
        assert body["level_ups"][0]["announce"].pop("text")
        assert {"x-request-id", "x-content-type-options", "cache-control", "content-length"} <= answer.headers.keys()
        answers.append(body)
        fast_paths.append(len(taken))
        bad = await bot.post(PATH, json={"events": [message("") | {"user_id": 0}]}, headers=headers)
        faults.append(bad.status_code)
    assert answers == [answers[0]] * len(WAYS)
    assert (answers[0]["accepted"], answers[0]["duplicates"], len(answers[0]["rejected"])) == (1, 1, 1)
    assert fast_paths == [1, 1, 1, 1], "only what is plain takes the fast path"
    assert faults == [422] * len(WAYS)
