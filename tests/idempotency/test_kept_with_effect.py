"""The first answer is kept in the transaction of its effect, by every POST that has one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.http.policy import policy_of
from api.idempotency.store import Idempotency
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP
from tests.activity.test_record import PATH, message
from tests.architecture.test_routes import of_the_api
from tests.idempotency.test_replaying import dressed
from tests.support import cluster
from tests.support.people import ADA, BO, HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}"
KEY = {"Idempotency-Key": "once"}
ACHIEVEMENT = {"key": "first", "name": "First", "condition": {"stat": "messages", "gte": 9}}

Wish = tuple[str, dict[str, Any]]  # Any: httpx2's own arguments
Prepare = Callable[[httpx2.AsyncClient], Awaitable[Wish]]


async def _deleted_achievement(bot: httpx2.AsyncClient, path: str) -> Wish:
    await bot.post(path, json=ACHIEVEMENT)
    await bot.delete(f"{path}/first")
    return f"{path}/first/restore", {}


async def _webhook(bot: httpx2.AsyncClient) -> Wish:
    made = await bot.post(f"{GUILD}/webhooks", json={"url": "https://93.184.215.14/"})
    return f"{GUILD}/webhooks/{made.json()['id']}/test", {}


async def _delivery(bot: httpx2.AsyncClient) -> Wish:
    test, _ = await _webhook(bot)
    sent = await bot.post(test)
    return f"{test.removesuffix('test')}deliveries/{sent.json()['id']}/resend", {}


async def _key(bot: httpx2.AsyncClient) -> Wish:
    made = await bot.post("/v1/keys", json={"name": "spare", "scopes": ["guilds:read"]})
    return f"/v1/keys/{made.json()['id']}/rotate", {"json": {}}


async def _deleted_guild(bot: httpx2.AsyncClient) -> Wish:
    await bot.delete(GUILD)
    return f"{GUILD}/restore", {}


async def _revision(bot: httpx2.AsyncClient) -> Wish:
    for level in (50, 60):
        await bot.patch(f"{GUILD}/settings/leveling", json={"max_level": level})
    return f"{GUILD}/settings/leveling/revisions/1/restore", {}


def _plain(path: str, **arguments: Any) -> Prepare:  # Any: httpx2's own
    async def data(_bot: httpx2.AsyncClient) -> Wish:
        return path, arguments

    return data


EFFECTS: dict[str, Prepare] = {
    "/v1/guilds/{guild_id}/restore": _deleted_guild,
    "/v1/guilds/{guild_id}/settings/{module}/revisions/{revision}/restore": _revision,
    "/v1/guilds/{guild_id}/activity": _plain(f"{GUILD}/activity", json={"events": [message("1")]}),
    "/v1/guilds/{guild_id}/members/{user_id}/xp": _plain(f"{GUILD}/members/{ADA}/xp", json={"amount": 50}),
    "/v1/guilds/{guild_id}/achievements": _plain(f"{GUILD}/achievements", json=ACHIEVEMENT),
    "/v1/guilds/{guild_id}/achievements/{achievement}/restore": lambda bot: _deleted_achievement(
        bot, f"{GUILD}/achievements"
    ),
    "/v1/achievements": _plain("/v1/achievements", json=ACHIEVEMENT),
    "/v1/achievements/{achievement}/restore": lambda bot: _deleted_achievement(bot, "/v1/achievements"),
    "/v1/guilds/{guild_id}/imports": _plain(
        f"{GUILD}/imports?source=csv", content=f"user_id,xp\n{BO},5\n", headers={"Content-Type": "text/csv"}
    ),
    "/v1/guilds/{guild_id}/webhooks": _plain(f"{GUILD}/webhooks", json={"url": "https://93.184.215.14/"}),
    "/v1/guilds/{guild_id}/webhooks/{webhook_id}/test": _webhook,
    "/v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries/{delivery}/resend": _delivery,
    "/v1/keys": _plain("/v1/keys", json={"name": "k", "scopes": ["guilds:read"]}),
    "/v1/keys/{key_id}/rotate": _key,
    "/v1/guilds/{guild_id}/keys": _plain(f"{GUILD}/keys", json={"name": "k", "scopes": ["guilds:read"]}),
}


def test_every_post_with_an_effect_is_here(litestar_app: Litestar) -> None:
    with_effect = {
        name.removeprefix("POST ")
        for name, handler in of_the_api(litestar_app).items()
        if name.startswith("POST ") and policy_of(handler).scope is not None and not policy_of(handler).effect_free
    }
    assert with_effect == set(EFFECTS)


@pytest.mark.parametrize("template", EFFECTS)
async def test_the_answer_is_there_with_the_effect(
    bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    """Nothing can be stored any more once the effect is: the database has gone, or the process."""

    async def lost(*_: object) -> None:
        return None

    path, arguments = await EFFECTS[template](bot)
    arguments = {**arguments, "headers": {**arguments.get("headers", {}), **KEY}}
    monkeypatch.setattr(Idempotency, "finalize", lost)
    first, again = [await bot.post(path, **arguments) for _ in range(2)]
    assert first.is_success, first.text
    assert again.headers.get("idempotent-replayed") == "true", again.text
    if b"secret" not in first.content:
        assert dressed(again) == dressed(first)


async def test_postgresql_ends_after_the_effect(
    bot: httpx2.AsyncClient, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is terminated between the commit and the answer: who asks again gets the level-ups."""
    xp = {"xp_per_message": {"min": 1000, "max": 1000}}
    assert (await bot.patch(f"{GUILD}/settings/leveling", json=xp)).is_success
    finalize = Idempotency.finalize

    async def ended(store: Idempotency, *arguments: Any) -> None:  # Any: the arguments of `finalize`
        root = await asyncpg.connect(cluster.url("postgres", database_name))
        await root.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND usename = $2",
            database_name,
            APP,
        )
        await root.close()
        await finalize(store, *arguments)

    events = {"events": [message("1"), message("2", user=BO)]}
    with monkeypatch.context() as patched:
        patched.setattr(Idempotency, "finalize", ended)
        first = await bot.post(PATH, json=events, headers=KEY)
    assert len(first.json()["level_ups"]) == 2
    async with asyncio.timeout(10):
        while (again := await bot.post(PATH, json=events, headers=KEY)).status_code == 503:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.05)
    assert dressed(again) == dressed(first)
    assert again.headers["idempotent-replayed"] == "true"


async def test_requests_of_one_transaction_each_keep_their_own(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many that share a commit, one of which has lost its key meanwhile: it alone changes nothing."""
    await bot.post(PATH, json={"events": [message("0")]})
    lock = owner.transaction()
    await lock.start()
    await owner.execute("SELECT FROM members FOR UPDATE")
    tasks = [
        asyncio.create_task(bot.post(PATH, json={"events": [message(f"{n}")]}, headers={"Idempotency-Key": f"key-{n}"}))
        for n in range(1, 9)
    ]
    async with asyncio.timeout(5):
        while await owner.fetchval("SELECT count(*) FROM idempotent_answers") < 8:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    await owner.execute("UPDATE idempotent_answers SET holder = 'another' WHERE key = 'key-5'")
    await lock.commit()
    answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [200] * 4 + [409] + [200] * 3
    assert await owner.fetchval("SELECT messages FROM members") == 8
    assert await owner.fetchval("SELECT count(*) FROM idempotent_answers WHERE status = 200") == 7


async def test_what_has_no_effect_keeps_nothing(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar
) -> None:
    """Its answer is worked out anew: a flood of them fills no table."""
    assert (await bot.post(f"{GUILD}/members/1/xp", json={"amount": 1})).is_success
    draft = {"condition": {"stat": "messages", "gte": 9}}
    free = {
        f"{GUILD}/members/1/card-link": None,
        f"{GUILD}/activity/explain": {"events": [message("1")]},
        f"{GUILD}/achievements/simulate": draft,
        f"{GUILD}/level-curve/preview": {"curve": {"kind": "preset", "preset": "mee6"}},
        "/v1/achievements/simulate": draft,
    }
    marked = [name for name, handler in of_the_api(litestar_app).items() if policy_of(handler).effect_free]
    assert len(marked) == len(free)
    for path, data in free.items():
        for _ in range(2):
            answer = await bot.post(path, json=data, headers=KEY)
            assert answer.is_success, answer.text
            assert "idempotent-replayed" not in answer.headers
        assert (await bot.post(path, json=data, headers={"Idempotency-Key": "x" * 256})).status_code == 400
    assert await owner.fetchval("SELECT count(*) FROM idempotent_answers") == 0
