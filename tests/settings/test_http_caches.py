"""What is in memory is believed only while nothing tells otherwise; the fast path answers as Litestar does."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from litestar import Litestar

from api.auth.scopes import ALL, Scope
from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.settings.addresses import settings_of
from tests.support.both_ways import BothWays
from tests.support.clients import Clients
from tests.support.clock import CLOCK
from tests.support.people import HARBOUR, NOBODYS
from tests.support.wiring import services_of

WRITE = """
    UPDATE guild_settings SET overrides = $2::jsonb, revision = revision + 1
    WHERE guild_id = $1 AND module = 'leveling'
"""


@pytest.fixture
def both_ways(litestar_app: Litestar, settings: Settings) -> BothWays:
    """With no key of their own."""
    return BothWays(litestar_app, settings)


@pytest.fixture
async def secret(bot: httpx2.AsyncClient, clients: Clients) -> str:
    """A key that is in memory, as are Harbour's settings."""
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    secret = await clients.key()
    async with clients.bearer(secret) as client:
        assert (await client.get(settings_of())).status_code == 200
    return secret


@asynccontextmanager
async def no_wake(owner: PlainConnection) -> AsyncIterator[None]:
    """No notification arrives: only a poll finds changes."""
    await owner.execute("ALTER TABLE guild_settings DISABLE TRIGGER guild_settings_wake")
    try:
        yield
    finally:
        await owner.execute("ALTER TABLE guild_settings ENABLE TRIGGER guild_settings_wake")


async def both(both_ways: BothWays, method: str, path: str, headers: Mapping[str, str]) -> tuple[bool, httpx2.Response]:
    """Whether the fast path was taken, and the answer, which is the same by Litestar."""
    answers = await both_ways.send(method, path, list(headers.items()))
    return answers.is_fast, answers.fast


async def until_fast(both_ways: BothWays, key: dict[str, str]) -> httpx2.Response:
    """The answer by the fast path, once all is in memory: a poll may just have invalidated what was made before."""
    for _ in range(20):
        taken, answer = await both(both_ways, "GET", settings_of(), key)
        if taken:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("the fast path was never taken")


async def test_the_fast_path(both_ways: BothWays, secret: str) -> None:
    key = {"Authorization": f"Bearer {secret}"}
    got = await until_fast(both_ways, key)
    assert (got.status_code, got.json()["values"]["cooldown_seconds"]) == (200, 5)
    taken, head = await both(both_ways, "HEAD", settings_of(), key)
    assert (taken, head.status_code, head.content) == (True, 200, b"")
    for known in (got.headers["etag"], f"W/{got.headers['etag']}"):
        for method in ("GET", "HEAD"):
            taken, same = await both(both_ways, method, settings_of(), key | {"If-None-Match": known})
            assert (taken, same.status_code) == (True, 304)
    taken, other = await both(both_ways, "GET", settings_of(), key | {"If-None-Match": '"other"'})
    assert (taken, other.status_code) == (True, 200)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (settings_of() + "?x=1", {}, 422),
        (settings_of(), {"Accept": "application/vnd.msgpack"}, 200),
        (settings_of(), {"Accept": "text/html, application/vnd.msgpack"}, 200),
        (settings_of(), {"If-None-Match": "bad"}, 400),
        (settings_of(), {"If-None-Match": '"a", "b"'}, 200),
        (settings_of(), {"If-None-Match": "*"}, 304),
        (settings_of(), {"Authorization": "Basic abc"}, 401),
        (settings_of("nope"), {}, 404),
        (settings_of("Leveling"), {}, 404),
        (settings_of(guild_id=NOBODYS), {}, 404),
        (settings_of(guild_id="9" * 19), {}, 404),
        (settings_of(guild_id=f"0{HARBOUR}"), {}, 404),
        (f"/v1/guilds/{HARBOUR}/settings", {}, 200),
    ],
)
async def test_what_is_not_plain_is_left_to_litestar(
    both_ways: BothWays, secret: str, path: str, headers: dict[str, str], status: int
) -> None:
    taken, answer = await both(both_ways, "GET", path, {"Authorization": f"Bearer {secret}"} | headers)
    assert (taken, answer.status_code) == (False, status)


async def test_entity_tags_that_come_twice(both_ways: BothWays, secret: str) -> None:
    tag = (await both_ways.ordinary.get(settings_of(), headers={"Authorization": f"Bearer {secret}"})).headers["etag"]
    await until_fast(both_ways, {"Authorization": f"Bearer {secret}"})
    other, sound = ("If-None-Match", '"other"'), [("Authorization", f"Bearer {secret}"), ("If-None-Match", tag)]
    for pairs in ([*sound, other], [other, *sound]):
        assert not (await both_ways.send("GET", settings_of(), pairs)).is_fast


async def test_who_may_not_see_is_left_to_litestar(
    both_ways: BothWays, secret: str, clients: Clients, mallory: httpx2.AsyncClient
) -> None:
    async with await clients.bot(scopes=ALL - {Scope.SETTINGS_READ}) as unread:
        for client, status in ((mallory, 404), (unread, 403)):
            key = {"Authorization": client.headers["Authorization"]}
            assert (await client.get("/v1/guilds")).status_code == 200  # now the key is in memory
            taken, answer = await both(both_ways, "GET", settings_of(), key)
            assert (taken, answer.status_code) == (False, status)
    taken, answer = await both(both_ways, "GET", settings_of(), {})
    assert (taken, answer.status_code) == (False, 401)


async def test_a_revoked_key_ends_at_once(both_ways: BothWays, secret: str, bot: httpx2.AsyncClient) -> None:
    key = {"Authorization": f"Bearer {secret}"}
    await until_fast(both_ways, key)
    newest = (await bot.get("/v1/keys")).json()["items"][0]["id"]
    assert (await bot.delete(f"/v1/keys/{newest}")).status_code == 204
    taken, answer = await both(both_ways, "GET", settings_of(), key)
    assert (taken, answer.status_code) == (False, 401)


async def test_an_expired_key_ends_at_once(
    both_ways: BothWays, secret: str, clients: Clients, owner: PlainConnection, bot: httpx2.AsyncClient
) -> None:
    ends = (CLOCK.now() + timedelta(seconds=1)).isoformat()
    made = await bot.post("/v1/keys", json={"name": "short", "scopes": ["settings:read"], "expires_at": ends})
    key = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert (await both_ways.ordinary.get(settings_of(), headers=key)).status_code == 200
    await until_fast(both_ways, key)
    await asyncio.sleep(1.05)
    taken, answer = await both(both_ways, "GET", settings_of(), key)
    assert (taken, answer.status_code) == (False, 401)


async def test_a_deleted_guild_is_gone_at_once(both_ways: BothWays, secret: str, bot: httpx2.AsyncClient) -> None:
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    taken, answer = await both(both_ways, "GET", settings_of(), {"Authorization": f"Bearer {secret}"})
    assert (taken, answer.status_code) == (False, 404)


async def test_a_change_elsewhere_shows_within_a_second_without_a_notification(
    both_ways: BothWays, secret: str, owner: PlainConnection
) -> None:
    key = {"Authorization": f"Bearer {secret}"}
    async with no_wake(owner):
        for seconds in range(10, 13):
            await until_fast(both_ways, key)
            await owner.execute(WRITE, HARBOUR, f'{{"cooldown_seconds": {seconds}}}')
            started = time.monotonic()
            while (await both_ways.fast.get(settings_of(), headers=key)).json()["values"][
                "cooldown_seconds"
            ] != seconds:
                assert time.monotonic() - started < 1.5
                await asyncio.sleep(0.01)
            read = await both_ways.fast.get(f"/v1/guilds/{HARBOUR}/settings", headers=key)
            assert read.json()["leveling"]["cooldown_seconds"] == seconds


async def test_without_a_look_nothing_in_memory_is_believed(
    both_ways: BothWays, secret: str, owner: PlainConnection, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Authorization": f"Bearer {secret}"}
    await until_fast(both_ways, key)
    monkeypatch.setattr(services_of(litestar_app).watcher, "age", lambda: 1.01)
    async with no_wake(owner):
        for seconds in range(20, 25):
            await owner.execute(WRITE, HARBOUR, f'{{"cooldown_seconds": {seconds}}}')
            taken, answer = await both(both_ways, "GET", settings_of(), key)
            assert (taken, answer.json()["values"]["cooldown_seconds"]) == (False, seconds)
