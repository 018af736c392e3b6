"""What webhooks are sent: signed, in order, tried again, given up; and never to where they must not go."""

import asyncio
import hmac
import socket
from hashlib import sha256
from typing import Any

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.config import Settings
from api.jobs.worker import Worker
from api.postgres.engine import PlainConnection
from api.webhooks import sending
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR, QUARRY
from tests.support.today import needs_time_outs
from tests.support.wiring import services_of
from tests.webhooks.conftest import Deliver
from tests.webhooks.receiver import Receiver

GUILD = f"/v1/guilds/{HARBOUR}"
PATH = f"{GUILD}/webhooks"
FAILS = b"HTTP/1.1 500 Oh\r\n\r\n"
WORKS = b"HTTP/1.1 200 OK\r\n\r\n"

pytestmark = pytest.mark.usefixtures("private")


async def hook(bot: httpx2.AsyncClient, url: str, *types: str, guild: int = HARBOUR) -> dict[str, Any]:
    answer = await bot.post(f"/v1/guilds/{guild}/webhooks", json={"url": url, "types": types})
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()  # Any: any JSON
    return view


async def deliveries(bot: httpx2.AsyncClient, webhook: dict[str, Any]) -> list[tuple[str, str, int]]:
    items = (await bot.get(f"{PATH}/{webhook['id']}/deliveries")).json()["items"]
    return [(item["event"], item["status"], item["attempts"]) for item in items]


async def change(bot: httpx2.AsyncClient, value: int) -> None:
    assert (await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": value})).is_success


async def test_each_event_is_sent_signed_and_in_order(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, owner: PlainConnection
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    for value in (1, 2, 3):
        await change(bot, value)
    await bot.patch(GUILD, json={"locale": "de"})
    await deliver()
    assert [each.data["data"]["values"]["cooldown_seconds"] for each in receiver.got] == [1, 2, 3]
    first = receiver.got[0]
    assert first.path == "/hook?guild=1"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["guildhall-event"] == "settings.updated"
    assert set(first.data) == {"id", "event", "guild_id", "at", "data"}
    assert first.data["guild_id"] == str(HARBOUR)
    assert int(first.data["id"]) == await owner.fetchval("SELECT min(position) FROM webhook_deliveries")
    stamp, _, given = first.headers["guildhall-signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + first.body
    assert hmac.new(webhook["secret"].encode(), signed, sha256).hexdigest() == given
    assert await deliveries(bot, webhook) == [("settings.updated", "delivered", 1)] * 3


@needs_time_outs
async def test_what_was_sent_is_noted_though_it_takes_several_tries(
    bot: httpx2.AsyncClient, receiver: Receiver, litestar_app: Litestar, owner: PlainConnection, settings: Settings
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    await change(bot, 1)
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    await owner.fetchval("SELECT guildhall_create_deliveries(1000)")
    worker: Worker = services_of(litestar_app).delivery_worker
    holder = await asyncpg.connect(settings.owner_database_url)
    waiting = """
        SELECT count(*) > 0 FROM pg_stat_activity
        WHERE cardinality(pg_blocking_pids(pid)) > 0 AND datname = current_database()
    """
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM webhook_deliveries FOR UPDATE")
            await worker.poll()
            async with asyncio.timeout(60):
                for is_waiting in (True, False, True):  # it gave up, and tries again
                    while await owner.fetchval(waiting) is not is_waiting:  # noqa: ASYNC110 - nothing signals it
                        await asyncio.sleep(0.01)
    finally:
        await holder.close()
    await worker.rest()
    assert await deliveries(bot, webhook) == [("settings.updated", "delivered", 1)]
    assert len(receiver.got) == 1


async def test_a_test(bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver) -> None:
    webhook = await hook(bot, receiver.url, "guild.deleted")
    answer = await bot.post(f"{PATH}/{webhook['id']}/test")
    assert answer.status_code == 200
    assert (answer.json()["event"], answer.json()["status"], answer.json()["attempts"]) == (
        "webhook.test",
        "pending",
        0,
    )
    await deliver()
    (got,) = receiver.got
    assert (got.data["id"], got.data["event"], got.data["data"]) == (answer.json()["id"], "webhook.test", {})


async def test_what_fails_is_tried_again_and_holds_up_nobody(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    receiver.answers = [FAILS, WORKS]
    await change(bot, 1)
    await deliver()
    await change(bot, 2)
    await deliver()
    assert len(receiver.got) == 1, "it rests after a failure"
    clock.move(seconds=3)
    await deliver()
    assert [each.data["data"]["revision"] for each in receiver.got] == [1, 2], "the first one's time has not come"
    clock.move(seconds=20)
    await deliver()
    assert await deliveries(bot, webhook) == [("settings.updated", "delivered", tries) for tries in (1, 2)]
    first, _, again = receiver.got
    assert again.body == first.body, "its id is the same, so its receiver can tell"


async def test_what_was_given_up_or_has_arrived_is_sent_again_by_hand(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    path = f"{PATH}/{webhook['id']}"
    await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 1})
    receiver.answers = [FAILS, WORKS]
    await deliver()
    [pending] = (await bot.get(f"{path}/deliveries")).json()["items"]
    assert (pending["outcome"], pending["attempts"]) == ("500", 1)
    assert pending["next_attempt_at"] > pending["at"]
    again = f"{path}/deliveries/{pending['id']}/resend"
    assert (await bot.post(again)).json()["status"] == "pending", "at once, though it rests"
    await deliver()
    assert await deliveries(bot, webhook) == [("settings.updated", "delivered", 2)]
    assert (await bot.post(again)).json()["outcome"] == "200"
    await deliver()
    assert len({each.body for each in receiver.got}) == 1
    assert len(receiver.got) == 3

    test = (await bot.post(f"{path}/test")).json()
    await bot.patch(path, json={"enabled": False})
    assert (await bot.post(again)).status_code == 409
    await bot.patch(path, json={"enabled": True})
    never_tried = (await bot.get(f"{path}/deliveries")).json()["items"][0]
    assert (never_tried["id"], never_tried["status"], never_tried["attempts"]) == (test["id"], "failed", 0)
    assert never_tried["next_attempt_at"] is None
    assert (await bot.post(f"{path}/deliveries/{test['id']}/resend")).is_success
    await deliver()
    assert receiver.got[-1].data["id"] == test["id"]
    other = await hook(bot, receiver.url)
    for unknown in (
        f"{path}/deliveries/7",
        f"{path}/deliveries/test-x",
        f"{PATH}/{other['id']}/deliveries/{test['id']}",
    ):
        assert (await bot.post(f"{unknown}/resend")).status_code == 404


async def test_a_redirect_is_not_followed(bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    receiver.answers = [f"HTTP/1.1 307 Elsewhere\r\nLocation: {receiver.url}\r\n\r\n".encode()]
    await change(bot, 1)
    await deliver()
    assert len(receiver.got) == 1
    assert await deliveries(bot, webhook) == [("settings.updated", "pending", 1)]


async def test_where_nothing_arrives_for_long_it_is_disabled(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock, owner: PlainConnection
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    receiver.answers = [FAILS]
    await change(bot, 1)
    began = clock.now()
    for minutes in (0, 1, 2, 6, 36, 130, 310, 730):
        clock.move(minutes=minutes)
        await deliver()
    assert len(receiver.got) == 8
    assert (clock.now() - began).total_seconds() < 24 * 3600
    assert await deliveries(bot, webhook) == [("settings.updated", "failed", 8)]
    assert (await bot.get(f"{PATH}/{webhook['id']}")).json()["enabled"] is False
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    assert (
        await owner.fetchval("SELECT data ->> 'id' FROM stream_events WHERE type = 'webhook.disabled'") == webhook["id"]
    )
    await change(bot, 2)
    await deliver()
    assert len(receiver.got) == 8, "nothing is owed to it any more"
    receiver.answers = [WORKS]
    await bot.patch(f"{PATH}/{webhook['id']}", json={"enabled": True})
    await change(bot, 3)
    await deliver()
    assert receiver.got[-1].data["data"]["revision"] == 3


async def test_a_silent_one_holds_up_no_other(
    bot: httpx2.AsyncClient,
    receiver: Receiver,
    litestar_app: Litestar,
    monkeypatch: pytest.MonkeyPatch,
    deliver: Deliver,
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    silent = await hook(bot, receiver.url + "&silent", "settings.updated")
    receiver.answers = [None, WORKS]
    await change(bot, 1)
    worker: Worker = services_of(litestar_app).delivery_worker
    await worker.poll()
    async with asyncio.timeout(3):
        while len(receiver.got) < 1:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    other = await hook(bot, receiver.url + "&other", "settings.updated")
    await change(bot, 2)
    await deliver()
    assert await deliveries(bot, other) == [("settings.updated", "delivered", 1)]
    assert ("settings.updated", "pending", 1) in await deliveries(bot, silent)


async def test_an_endless_answer_is_not_read(bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    receiver.answers = [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, b"SSH-2.0-x\r\n\r\n"]
    await change(bot, 1)
    await deliver()
    assert await deliveries(bot, webhook) == [("settings.updated", "pending", 1)]


async def test_a_name_that_turns_private_is_not_followed(
    bot: httpx2.AsyncClient,
    receiver: Receiver,
    deliver: Deliver,
    litestar_app: Litestar,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was public when the webhook was made: where it leads is looked at when something is sent, and connected to."""
    services_of(litestar_app).deliverer._sender.private = False
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))]
    both = [*public, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    found = [public, both]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found.pop(0) if len(found) > 1 else found[0])
    webhook = await hook(bot, f"http://rebound.example:{port}/", "settings.updated")
    monkeypatch.setattr(services_of(litestar_app).webhooks, "_private", False)
    await change(bot, 1)
    await deliver()
    assert receiver.connections == 0
    assert await deliveries(bot, webhook) == [("settings.updated", "pending", 1)]


async def test_only_what_is_its_guilds(bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver) -> None:
    await hook(bot, receiver.url, guild=QUARRY)
    await change(bot, 1)
    schema = {"type": "object", "properties": {}}
    await bot.put("/v1/modules/welcome", json={"schema": schema})
    await deliver()
    assert [(each.data["event"], each.data["guild_id"]) for each in receiver.got] == [("module.updated", None)]


async def test_an_erased_persons_events(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock
) -> None:
    await hook(bot, receiver.url, "member.level_up")
    receiver.answers = [FAILS, WORKS]
    await bot.post(f"{GUILD}/members/{ADA}/xp", json={"amount": 200})
    await deliver()
    assert (await bot.delete(f"/v1/users/{ADA}")).is_success
    clock.move(minutes=1)
    await deliver()
    assert [each.data["data"].get("erased") for each in receiver.got] == [None, True]


async def test_old_deliveries_are_swept(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock, litestar_app: Litestar
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    await change(bot, 1)
    await deliver()
    for days, left in ((5, 1), (3, 0)):  # the clock of tests is ahead of PostgreSQL's by up to a day
        clock.move(days=days)
        await services_of(litestar_app).deliverer.sweep()
        assert len(await deliveries(bot, webhook)) == left
