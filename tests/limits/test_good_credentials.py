"""A good credential is never refused for what others did from its address."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
from litestar import Litestar

from api.auth.tokens import make
from api.config import Settings
from api.lib.fair_batches import OF_EACH, FairBatches
from api.postgres.engine import PlainConnection
from tests.limits.test_limits import GUILD, SETTINGS, budget_headers, limited, scope_of, strict
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA
from tests.support.wiring import services_of

HERE = scope_of("127.0.0.1")


def guess() -> dict[str, str]:
    """A well-formed key that there is not."""
    return {"Authorization": f"Bearer {make()}"}


@pytest.fixture
async def sinful(
    bot: httpx2.AsyncClient, litestar_app: Litestar, settings: Settings, clock: MovableClock
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client at an address that was refused too often; no key and no session is in memory."""
    async with strict(litestar_app, settings, clock) as (client, limiter):
        for _ in range(70):
            limiter.note_refusal(scope_of("127.0.0.1"))
        assert (await client.get(GUILD)).status_code == 429
        for store in (services_of(litestar_app).keyring, services_of(litestar_app).accounts.sessions):
            store._cache.clear()
        yield client


async def test_a_key_that_is_not_in_memory(bot: httpx2.AsyncClient, sinful: httpx2.AsyncClient) -> None:
    assert (await sinful.get(GUILD, headers=guess())).status_code == 429
    assert (await sinful.get(GUILD, headers={"Authorization": "Bearer mistyped"})).status_code == 429
    known = {"Authorization": bot.headers["Authorization"]}
    for path, status in ((GUILD, 200), (SETTINGS, 200), ("/v1/nothing", 404)):
        assert (await sinful.get(path, headers=known)).status_code == status
    assert (await sinful.get("/v1/nothing")).status_code == 429


async def test_logging_in(sinful: httpx2.AsyncClient, browsers: Browsers) -> None:
    """From the first request to the last, with the session forgotten in between."""
    ada = await browsers.log_in(ADA, sinful)
    browsers.accounts.sessions._cache.clear()
    assert (await ada.get("/v1/me")).status_code == 200
    ada.cookies.clear()
    assert (await ada.get("/v1/me")).status_code == 429


async def test_what_good_credentials_are_refused_counts_against_nobody(
    bot: httpx2.AsyncClient, litestar_app: Litestar, settings: Settings, clock: MovableClock, clients: Clients
) -> None:
    """A spent budget, a missing scope, a route that there is not, a method that it does not take."""
    async with strict(litestar_app, settings, clock) as (client, limiter), limited(bot, clients, 150) as noisy:
        own = {"Authorization": noisy.headers["Authorization"]}
        for path, status in (("/v1/keys", 403), ("/v1/nothing", 404), (f"{GUILD}/export/x", 404)):
            for _ in range(40):
                answer = await client.get(path, headers=own)
                assert answer.status_code == status
        assert (await client.delete("/v1/me", headers=own)).status_code == 405
        for _ in range(70):
            last = await client.get(SETTINGS, headers=own)
        assert last.status_code == 429
        assert not limiter.is_spent(HERE)
        assert (await client.get(GUILD, headers={"Authorization": bot.headers["Authorization"]})).status_code == 200
        assert (await client.get(GUILD)).status_code == 401


async def test_unknown_addresses_report_the_remaining_requests_too(bot: httpx2.AsyncClient, clients: Clients) -> None:
    async with limited(bot, clients, 200) as client:
        answers = [
            await client.get("/v1/nothing"),
            await client.delete("/v1/me"),
            await client.options(SETTINGS),
            await client.get(f"{GUILD}/settings/no-module"),
        ]
    assert [answer.status_code for answer in answers] == [404, 405, 204, 404]
    assert [budget_headers(answer)[2] for answer in answers] == ["199", "198", "197", "196"]


async def test_a_flood_of_guesses_beside_a_good_key(
    bot: httpx2.AsyncClient, sinful: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred guesses at once, the good key's first request behind them: a handful of look-ups for all, one at a
    time; and what is known to be none is not looked up again."""
    keyring = services_of(litestar_app).keyring
    look_up, running, asked = keyring._look_ups._ask, 0, list[int]()

    async def counted(digests: Sequence[bytes]) -> object:
        nonlocal running
        running += 1
        assert running == 1
        asked.append(len(digests))
        found = await look_up(digests)
        running -= 1
        return found

    monkeypatch.setattr(keyring._look_ups, "_ask", counted)
    guesses = [guess() for _ in range(500)]
    flood = [asyncio.create_task(sinful.get(GUILD, headers=headers)) for headers in guesses]
    good = await sinful.get(GUILD, headers={"Authorization": bot.headers["Authorization"]})
    assert good.status_code == 200
    assert {(await each).status_code for each in flood} == {429}
    assert sum(asked) >= 501
    assert max(asked) <= OF_EACH
    assert len(asked) < 50, "many in each"
    async with asyncio.timeout(10):
        while asked:  # until the change watcher sees the keys that this test made, which invalidates unknown ones
            asked.clear()
            assert {(await sinful.get(GUILD, headers=headers)).status_code for headers in guesses[:20]} == {429}
    made = await bot.post("/v1/keys", json={"name": "k", "scopes": ["guilds:read"]})
    new = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert (await sinful.get(GUILD, headers=new)).status_code == 200


async def test_nobodys_keys_wait_for_anothers() -> None:
    """Each asker has a share of every question, and whoever has more is asked about again and again."""
    questions: list[list[tuple[str, int]]] = []

    async def ask(keys: Sequence[tuple[str, int]]) -> list[int]:
        questions.append(list(keys))
        await asyncio.sleep(0)
        return [number for _, number in keys]

    batches: FairBatches[tuple[str, int], int] = FairBatches(ask)
    many = [asyncio.ensure_future(batches.get(("many", n), "many")) for n in range(1000)]
    few = [asyncio.ensure_future(batches.get((f"few{n}", n), f"few{n}")) for n in range(20)]
    gave_up = asyncio.ensure_future(batches.get(("gave up", 0), "many"))
    await asyncio.sleep(0)
    gave_up.cancel()
    assert await asyncio.gather(*few) == list(range(20))
    assert await asyncio.gather(*many) == list(range(1000))
    assert len(questions[0]) == OF_EACH + 20
    assert max(map(len, questions[1:])) == OF_EACH
    assert all(("gave up", 0) not in question for question in questions)


async def test_a_failing_question_fails_those_who_asked_it() -> None:
    outcomes = iter([OSError(), None])

    async def ask(keys: Sequence[int]) -> Sequence[int]:
        if (error := next(outcomes)) is not None:
            raise error
        return keys

    batches: FairBatches[int, int] = FairBatches(ask)
    with pytest.raises(OSError):
        await batches.get(1, "a")
    assert await batches.get(2, "a") == 2


async def test_addresses_fill_no_table(
    litestar_app: Litestar, owner: PlainConnection, clock: MovableClock, settings: Settings
) -> None:
    async with strict(litestar_app, settings, clock) as (_, limiter):
        for n in range(3000):
            limiter.note_refusal(scope_of(f"10.0.{n // 256}.{n % 256}"))
        await limiter.add_up()
    assert await owner.fetchval("SELECT count(*) FROM rate_budgets WHERE owner LIKE 'address:%'") == 1000


@pytest.mark.usefixtures("discord")
async def test_public_paths(litestar_app: Litestar) -> None:
    from api.http.strangers import public_paths

    is_public = public_paths(litestar_app.routes)
    assert is_public("/auth/discord/login")
    assert is_public("/auth/discord/callback")
    for path in ("/auth/logout", "/v1/guilds", "/v1/me", "/v1/nothing", "/auth/discord/login/x"):
        assert not is_public(path)
