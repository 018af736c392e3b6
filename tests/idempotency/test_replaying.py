"""`Idempotency-Key`: a request that is sent twice is done once, and answered as the first time."""

import asyncio
from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.config import Settings
from api.idempotency.store import Idempotency
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.wiring import services_of

GUILD = f"/v1/guilds/{HARBOUR}"
XP = f"{GUILD}/members/{ADA}/xp"
KEY = {"Idempotency-Key": "once"}

EVERY_POST: list[tuple[str, dict[str, Any]]] = [  # Any: httpx2's own arguments
    (XP, {"json": {"amount": 50}}),
    (f"{GUILD}/activity", {"json": {"events": [message("1")]}}),
    (f"{GUILD}/restore", {}),
    (f"{GUILD}/settings/leveling/revisions/0/restore", {}),
    ("/v1/keys", {"json": {"name": "k", "scopes": ["guilds:read"]}}),
    (f"{GUILD}/achievements", {"json": {"key": "first", "name": "First", "condition": {"stat": "messages", "gte": 9}}}),
    (f"{GUILD}/webhooks", {"json": {"url": "https://93.184.215.14/"}}),
    (f"{GUILD}/imports?source=csv", {"content": f"user_id,xp\n{BO},5\n", "headers": {"Content-Type": "text/csv"}}),
]


def dressed(answer: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but what is of this sending alone. No browser is to keep a replay, whatever it held at first."""
    own = {"x-request-id", "idempotent-replayed", "content-length", "cache-control"}
    headers = {name: value for name, value in answer.headers.items() if name not in own and "ratelimit" not in name}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.msgpack"])
async def test_every_post_is_answered_with_the_same_bytes(bot: httpx2.AsyncClient, accept: str) -> None:
    for n, (path, arguments) in enumerate(EVERY_POST):
        headers = {**arguments.get("headers", {}), "Idempotency-Key": f"once-{n}", "Accept": accept}
        first, again = [await bot.post(path, **{**arguments, "headers": headers}) for _ in range(2)]
        assert first.is_success, first.text
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true", path
        if b"secret" not in first.content:
            assert dressed(again) == dressed(first), path


async def test_it_is_done_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    answers = [await bot.post(XP, json={"amount": 50}, headers=KEY) for _ in range(3)]
    assert {answer.json()["member"]["xp"] for answer in answers} == {50}
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'member.xp_adjusted'") == 1


async def test_raced(bot: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(bot.post(XP, json={"amount": 50}, headers=KEY) for _ in range(12)))
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "urn:guildhall:problem:still-running"
            assert answer.headers["retry-after"] == "1"
    assert {answer.json()["member"]["xp"] for answer in answers if answer.is_success} == {50}
    assert (await bot.get(f"{GUILD}/members/{ADA}")).json()["xp"] == 50


async def test_the_same_key_for_something_else(bot: httpx2.AsyncClient) -> None:
    assert (await bot.post(XP, json={"amount": 50}, headers=KEY)).is_success
    for path, arguments in [(XP, {"json": {"amount": 51}}), (f"{XP}?", {"json": {"set": 1}}), EVERY_POST[1]]:
        answer = await bot.post(path, **{**arguments, "headers": KEY})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:guildhall:problem:idempotency-key-reused")
    csv = {**KEY, "Content-Type": "text/csv", "Idempotency-Key": "file"}
    path = f"{GUILD}/imports?source=csv&dry_run=true"
    statuses = [(await bot.post(path, content=f"user_id,xp\n{BO},{xp}\n", headers=csv)).status_code for xp in (5, 6, 5)]
    assert statuses == [202, 422, 202]


async def test_each_credential_has_its_own(bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient) -> None:
    answers = [await each.post(XP, json={"amount": 5}, headers=KEY) for each in (bot, harbour_bot)]
    assert [answer.json()["member"]["xp"] for answer in answers] == [5, 10]


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\there"])
async def test_bad_keys(bot: httpx2.AsyncClient, key: str) -> None:
    answer = await bot.post(XP, json={"amount": 5}, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:guildhall:problem:bad-header")
    twice = [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b"), (b"Content-Type", b"application/json")]
    assert (await bot.post(XP, content=b'{"amount": 5}', headers=twice)).status_code == 400


async def test_refusals_are_not_kept(
    bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    assert (await anonymous.post(XP, json={"amount": 5}, headers=KEY)).status_code == 401
    assert (await bot.post(XP, json={"amount": 5, "set": 5}, headers=KEY)).status_code == 422
    assert (await bot.post(XP, json={"amount": "x"}, headers=KEY)).status_code == 422
    assert await owner.fetchval("SELECT count(*) FROM idempotent_answers") == 0
    assert (await bot.post(XP, json={"amount": 5}, headers=KEY)).is_success


async def test_a_conflict_is_kept(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await owner.execute(
        "INSERT INTO imports (guild_id, source, actor_kind, status) VALUES ($1, 'csv', 'system', 'running')", HARBOUR
    )
    headers = {**KEY, "Content-Type": "text/csv"}
    first = await bot.post(f"{GUILD}/imports?source=csv", content="user_id,xp\n", headers=headers)
    await owner.execute("DELETE FROM imports")
    again = await bot.post(f"{GUILD}/imports?source=csv", content="user_id,xp\n", headers=headers)
    assert (first.status_code, again.status_code) == (409, 409)
    assert (again.content, again.headers["content-type"]) == (first.content, "application/problem+json")


async def test_secrets_are_shown_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    data = {"name": "k", "scopes": ["guilds:read"]}
    first, again = [(await bot.post("/v1/keys", json=data, headers=KEY)) for _ in range(2)]
    assert again.status_code == 201
    assert again.json() == {**first.json(), "secret": None}
    kept = await owner.fetchval("SELECT body FROM idempotent_answers")
    assert first.json()["secret"] not in kept


async def test_a_day_later_it_is_forgotten(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, litestar_app: Litestar
) -> None:
    for hours, xp in ((0, 5), (23, 5), (2, 10)):
        clock.move(hours=hours)
        assert (await bot.post(XP, json={"amount": 5}, headers=KEY)).json()["member"]["xp"] == xp
    clock.move(hours=25)
    store: Idempotency = services_of(litestar_app).idempotency
    assert not await store.sweep()
    assert await owner.fetchval("SELECT count(*) FROM idempotent_answers") == 0


async def test_what_a_crash_leaves(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, settings: Settings
) -> None:
    """A claim with no answer: its request may run still, so it holds for a while. An answer that was saved with
    its effect is there, whatever became of the process that was about to send it."""
    assert (await bot.post(XP, json={"amount": 5}, headers=KEY)).is_success
    await owner.execute("UPDATE idempotent_answers SET status = NULL, body = NULL")
    assert (await bot.post(XP, json={"amount": 5}, headers=KEY)).status_code == 409
    clock.move(seconds=2 * settings.request_timeout_seconds)
    assert (await bot.post(XP, json={"amount": 5}, headers=KEY)).json()["member"]["xp"] == 10


async def test_the_answer_and_its_effect_are_one(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the commit, before the answer: here the answer is never finalized."""

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Idempotency, "finalize", dies)
        with pytest.raises(asyncio.CancelledError):
            await bot.post(XP, json={"amount": 5}, headers=KEY)
    again = await bot.post(XP, json={"amount": 5}, headers=KEY)
    assert (again.json()["member"]["xp"], again.headers["idempotent-replayed"]) == (5, "true")
    assert await owner.fetchval("SELECT xp FROM members") == 5


async def test_who_lost_the_key_changes_nothing(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """A request that took so long that another got its key: its own transaction finds out."""
    lock = owner.transaction()
    await bot.post(XP, json={"amount": 1})
    await lock.start()
    await owner.execute("SELECT FROM members FOR UPDATE")
    slow = asyncio.create_task(bot.post(XP, json={"amount": 5}, headers=KEY))
    async with asyncio.timeout(3):
        while not await owner.fetchval("SELECT count(*) FROM idempotent_answers"):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    await owner.execute("UPDATE idempotent_answers SET holder = 'another'")
    await lock.commit()
    assert (await slow).status_code == 409
    assert await owner.fetchval("SELECT xp FROM members") == 1


async def test_an_erased_person(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.post(XP, json={"amount": 5}, headers=KEY)
    await bot.post(f"{GUILD}/members/{BO}/xp", json={"amount": 5}, headers={"Idempotency-Key": "other"})
    assert (await bot.delete(f"/v1/users/{ADA}")).is_success
    assert await owner.fetchval("SELECT array_agg(key) FROM idempotent_answers") == ["other"]


async def test_scoped_to_what_the_key_sees(
    bot: httpx2.AsyncClient, clients: Clients, mallory: httpx2.AsyncClient
) -> None:
    """A stranger with the same idempotency key learns nothing."""
    await bot.post(XP, json={"amount": 5}, headers=KEY)
    assert (await mallory.post(XP, json={"amount": 5}, headers=KEY)).status_code == 404
    assert (await mallory.post(f"/v1/guilds/{QUARRY}/members/{ADA}/xp", json={"amount": 5}, headers=KEY)).json()[
        "member"
    ]["xp"] == 5
