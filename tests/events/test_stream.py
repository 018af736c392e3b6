"""The event stream through HTTP: who gets what, from where, and how it ends."""

import asyncio
import contextlib
from datetime import timedelta

import httpx2
import pytest
from litestar import Litestar

from api.auth.scopes import ALL, Scope
from api.events import broadcaster
from api.events.broadcaster import Broadcaster
from api.events.outbox import OutboxEvent, publish
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.activity.test_upkeep import run_upkeep
from tests.events.streams import Stream, stream
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BAD_IDS, HARBOUR, NOBODYS, QUARRY
from tests.support.wiring import services_of

SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"
CHANGES = "?types=settings.updated"


def key_of(client: httpx2.AsyncClient) -> str:
    return client.headers["Authorization"]


async def test_a_change_comes_at_once(bot: httpx2.AsyncClient, base_url: str) -> None:
    async with stream(base_url, key_of(bot), query=f"?guild_id={HARBOUR}&types=settings.updated") as opened:
        assert opened.response.headers["content-type"].startswith("text/event-stream")
        assert opened.response.headers["cache-control"] == "no-store"
        await bot.patch(SETTINGS, json={"cooldown_seconds": 5})
        message = await opened.next(1)
        assert message.event == "settings.updated"
        assert message.id > opened.began_after
        assert message.data.pop("at").endswith("Z")
        assert message.data == {
            "guild_id": str(HARBOUR), "module": "leveling", "revision": 1, "values": {"cooldown_seconds": 5},
        }  # fmt: skip


async def test_a_server_that_has_just_started_answers(
    bot: httpx2.AsyncClient, base_url: str, litestar_app: Litestar
) -> None:
    """It may be ready before the first poll says where streams begin."""
    services_of(litestar_app).broadcaster.position = None
    async with stream(base_url, key_of(bot), query=CHANGES) as opened:
        await bot.patch(SETTINGS, json={"cooldown_seconds": 6})
        assert (await opened.next(3)).data["values"] == {"cooldown_seconds": 6}


async def test_who_sees_what(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, base_url: str
) -> None:
    async with (
        stream(base_url, key_of(bot), query="?types=guild.updated,module.updated") as everything,
        stream(base_url, key_of(harbour_bot), query="?types=guild.updated&types=module.updated") as harbour,
        stream(base_url, key_of(mallory), query="?types=guild.updated,module.updated") as quarry,
    ):
        await bot.patch(f"/v1/guilds/{HARBOUR}", json={"locale": "de"})
        await bot.patch(f"/v1/guilds/{QUARRY}", json={"locale": "fr"})
        await bot.put("/v1/modules/welcome", json={"schema": {"type": "object", "properties": {}}})
        seen = [
            [(each.event, each.data["guild_id"]) for each in await opened.take(count)]
            for opened, count in ((everything, 3), (harbour, 2), (quarry, 2))
        ]
    first, second, all_guilds = (
        ("guild.updated", str(HARBOUR)),
        ("guild.updated", str(QUARRY)),
        ("module.updated", None),
    )
    assert seen == [[first, second, all_guilds], [first, all_guilds], [second, all_guilds]]


async def test_without_a_filter_it_shows_what_the_key_may_see(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, base_url: str
) -> None:
    """Harbour's key gets Harbour's events and those of the installation, and nothing of Quarry: missed or new."""

    async def change(locale: str) -> None:
        assert (await bot.patch(f"/v1/guilds/{QUARRY}", json={"locale": locale})).is_success
        module = {"title": locale, "schema": {"type": "object", "properties": {}}}
        assert (await bot.put("/v1/modules/welcome", json=module)).is_success
        assert (await bot.patch(f"/v1/guilds/{HARBOUR}", json={"locale": locale})).is_success

    async def guilds_until(opened: Stream, locale: str) -> set[str | None]:
        found = set()
        while True:
            message = await opened.next()
            found.add(message.data["guild_id"])
            if message.data.get("locale") == locale:
                return found

    await change("de")
    async with (
        stream(base_url, key_of(bot), after=0) as everything,
        stream(base_url, key_of(harbour_bot), after=0) as harbour,
    ):
        for locale in ("de", "fr"):
            if locale == "fr":
                await change(locale)
            assert await guilds_until(everything, locale) >= {str(QUARRY)}
            assert await guilds_until(harbour, locale) == {str(HARBOUR), None}


async def test_a_reader_that_comes_back_gets_all_that_it_missed(bot: httpx2.AsyncClient, base_url: str) -> None:
    async with stream(base_url, key_of(bot), query=CHANGES) as opened:
        await bot.patch(SETTINGS, json={"cooldown_seconds": 1})
        first = await opened.next()
    for value in (2, 3):
        await bot.patch(SETTINGS, json={"cooldown_seconds": value})
    async with stream(base_url, key_of(bot), after=first.id, query=CHANGES) as again:
        await bot.patch(SETTINGS, json={"cooldown_seconds": 4})
        values = [(await again.next()).data["values"]["cooldown_seconds"] for _ in range(3)]
    assert values == [2, 3, 4]
    async with stream(base_url, key_of(bot), after=0, query=CHANGES) as whole:
        assert [each.data["revision"] for each in await whole.take(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("after", ["x", "-1", "01", "1.0", "9" * 18, "9" * 40, "", "٣"])
async def test_a_position_that_never_was(bot: httpx2.AsyncClient, after: str) -> None:
    answer = await bot.get("/v1/events", headers={b"Last-Event-ID": after.encode()})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:guildhall:problem:bad-header")


async def test_what_is_not_kept_any_more(
    bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection, clock: MovableClock, base_url: str
) -> None:
    await bot.patch(SETTINGS, json={"cooldown_seconds": 1})
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    newest = await owner.fetchval("SELECT newest FROM stream_position")
    clock.move(days=9)
    await run_upkeep(litestar_app, clock)
    assert await owner.fetchval("SELECT count(*) FROM stream_events") == 0
    gone = await bot.get("/v1/events", headers={"Last-Event-ID": str(newest - 1)})
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:guildhall:problem:events-gone")
    for after in (newest, 0):
        async with stream(base_url, key_of(bot), after=after) as opened:
            assert opened.began_after == newest


async def test_refusals(
    bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, mallory: httpx2.AsyncClient, clients: Clients
) -> None:
    assert (await anonymous.get("/v1/events")).status_code == 401
    async with await clients.bot(scopes=ALL - {Scope.EVENTS_READ}) as lesser:
        assert (await lesser.get("/v1/events")).status_code == 403
    for client, guild in ((mallory, HARBOUR), (bot, NOBODYS)):
        assert (await client.get(f"/v1/events?guild_id={guild}")).status_code == 404
    for query in (f"guild_id={BAD_IDS[0]}", "types=no.such", "since=3", f"guild_id={HARBOUR}&guild_id={QUARRY}"):
        assert (await bot.get(f"/v1/events?{query}")).status_code == 422, query
    assert (await bot.head("/v1/events")).status_code == 200


async def test_a_revoked_key_what_it_made_and_an_expired_one_end_the_stream(
    bot: httpx2.AsyncClient, base_url: str, clock: MovableClock, clients: Clients
) -> None:
    data = {"name": "brief", "scopes": ["events:read"]}
    revoked = (await bot.post("/v1/keys", json={**data, "scopes": ["events:read", "keys:manage"]})).json()
    async with clients.bearer(revoked["secret"]) as client:
        made = (await client.post("/v1/keys", json=data)).json()
    expires_at = (clock.now() + timedelta(hours=1)).isoformat()
    expired = (await bot.post("/v1/keys", json={**data, "expires_at": expires_at})).json()
    async with (
        stream(base_url, revoked["secret"], query=CHANGES) as first,
        stream(base_url, expired["secret"], query=CHANGES) as second,
        stream(base_url, made["secret"], query=CHANGES) as third,
    ):
        await bot.delete(f"/v1/keys/{revoked['id']}")
        clock.move(hours=2)
        for opened in (first, second, third):
            with pytest.raises(StopAsyncIteration):
                await opened.next(4)


async def test_an_idle_stream_is_kept_alive(
    bot: httpx2.AsyncClient, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcaster, "SILENCE_SECONDS", 0.0)
    async with stream(base_url, key_of(bot), query=CHANGES) as opened:
        with pytest.raises(TimeoutError):
            await opened.next(1.2)
        assert opened.comments >= 2


async def test_a_stream_takes_no_slot_and_no_connection(bot: httpx2.AsyncClient, base_url: str) -> None:
    async with contextlib.AsyncExitStack() as streams:
        for _ in range(40):
            await streams.enter_async_context(stream(base_url, key_of(bot)))
        answers = await asyncio.gather(*(bot.get(SETTINGS) for _ in range(40)))
        assert [answer.text for answer in answers if answer.status_code != 200] == []


async def test_a_slow_reader_is_dropped_and_comes_back(
    bot: httpx2.AsyncClient, base_url: str, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: Database = services_of(litestar_app).database
    streams: Broadcaster = services_of(litestar_app).broadcaster
    query = "?types=guild.updated"
    async with stream(base_url, key_of(bot), query=query) as opened:
        monkeypatch.setattr(broadcaster, "MOST_WAITING", 20_000)
        n = 0
        while streams.count():
            assert n < 60
            async with database.transaction() as connection:
                await publish(connection, [OutboxEvent(HARBOUR, "guild.updated", {"n": n, "text": "x" * 1_000_000})])
                await connection.execute("NOTIFY guildhall_stream")
            n += 1
            async with asyncio.timeout(3):
                while (streams.position or 0) < opened.began_after + n:  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.01)
        monkeypatch.undo()
        got: list[int] = []
        with contextlib.suppress(httpx2.RemoteProtocolError, StopAsyncIteration):
            while True:
                got.append((await opened.next()).data["n"])
    assert got == list(range(len(got)))
    assert len(got) < n
    async with stream(base_url, key_of(bot), after=opened.began_after, query=query) as again:
        assert [each.data["n"] for each in await again.take(n)] == list(range(n))


async def test_events_of_an_erased_person(bot: httpx2.AsyncClient, base_url: str) -> None:
    query = "?types=member.level_up"
    async with stream(base_url, key_of(bot), query=query) as opened:
        await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"amount": 200})
        assert (await opened.next()).data["user_id"] == str(ADA)
    assert (await bot.delete(f"/v1/users/{ADA}")).is_success
    async with stream(base_url, key_of(bot), after=opened.began_after, query=query) as again:
        message = await again.next()
    assert (message.event, message.data) == ("member.level_up", {"erased": True})
