"""Budgets of requests: one for all processes, shown on every answer, and never more than it says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.app import with_middleware
from api.auth.actors import Credential
from api.auth.tokens import make
from api.config import Settings
from api.errors import DatabaseAway, TooManyRequests
from api.http.budgets import portion
from api.http.context import RequestContext, start_context
from api.http.rate_limits import Limiter
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message
from tests.support.clients import BASE_URL, Clients
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR
from tests.support.serving import in_process
from tests.support.wiring import services_of

GUILD = f"/v1/guilds/{HARBOUR}"
SETTINGS = f"{GUILD}/settings/leveling"


@asynccontextmanager
async def limited(bot: httpx2.AsyncClient, clients: Clients, limit: int) -> AsyncIterator[httpx2.AsyncClient]:
    data = {"name": "limited", "scopes": ["settings:read", "activity:write", "members:write"], "rate_limit": limit}
    made = await bot.post("/v1/keys", json=data)
    async with clients.bearer(made.json()["secret"]) as client:
        yield client


def budget_headers(answer: httpx2.Response) -> tuple[str, str, str]:
    return answer.headers["ratelimit-policy"], answer.headers["ratelimit"], answer.headers["x-ratelimit-remaining"]


async def test_every_answer_reports_the_remaining_requests(bot: httpx2.AsyncClient, clients: Clients) -> None:
    """On the ordinary way, on both fast paths, and for refusals."""
    async with limited(bot, clients, 200) as client:
        answers = [
            await client.get(SETTINGS),
            await client.get(SETTINGS),
            await client.post(f"{GUILD}/activity", json={"events": [message("1")]}),
            await client.post(f"{GUILD}/activity", json={"events": [message("1")]}),
            await client.post(f"{GUILD}/activity", content=b"{", headers={"Content-Type": "application/json"}),
            await client.get("/v1/keys"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 400, 403]
    for n, answer in enumerate(answers, 1):
        policy, state, remaining = budget_headers(answer)
        assert policy == '"key";q=200;w=60'
        assert state.startswith(f'"key";r={200 - n};t=')
        assert remaining == str(200 - n)
        headers = answer.headers
        assert headers["x-ratelimit-limit"] == "200"
        assert headers["x-ratelimit-bucket"].startswith("key-")
        assert 0 < float(headers["x-ratelimit-reset-after"]) <= 60
        assert float(headers["x-ratelimit-reset"]) > 1.7e9


async def test_a_spent_budget(bot: httpx2.AsyncClient, clients: Clients, clock: MovableClock) -> None:
    async with limited(bot, clients, 5) as client:
        statuses = [(await client.get(SETTINGS)).status_code for _ in range(5)]
        refused = await client.get(SETTINGS)
        posted = await client.post(f"{GUILD}/activity", json={"events": [message("1")]})
        assert statuses == [200] * 5
        assert (refused.status_code, posted.status_code) == (429, 429)
        assert refused.json()["type"] == "urn:guildhall:problem:too-many-requests"
        assert budget_headers(refused)[2] == "0"
        wait = int(refused.headers["retry-after"])
        assert float(refused.headers["x-ratelimit-reset-after"]) <= wait <= 60
        again = await client.get(f"{GUILD}/nothing")
        assert (again.status_code, budget_headers(again)[::2]) == (429, budget_headers(refused)[::2]), (
            "at once, whatever it asks for"
        )
        clock.move(seconds=wait)
        assert (await client.get(SETTINGS)).status_code == 200


async def test_what_has_not_changed_costs_nothing(bot: httpx2.AsyncClient, clients: Clients) -> None:
    async with limited(bot, clients, 3) as client:
        tag = (await client.get(SETTINGS)).headers["etag"]
        answers = [await client.get(SETTINGS, headers={"If-None-Match": tag}) for _ in range(10)]
        assert {(answer.status_code, budget_headers(answer)[2]) for answer in answers} == {(304, "2")}


async def test_no_limit(bot: httpx2.AsyncClient, clients: Clients) -> None:
    answer = await bot.get(SETTINGS)
    assert "ratelimit" not in answer.headers
    assert "x-ratelimit-limit" not in answer.headers


def credential(limit: int | None) -> Credential:
    budgets = () if limit is None else (("key:77", limit),)
    return Credential(id=77, scopes=frozenset(), guild_ids=None, rate_limit=limit, expires_at=None, budgets=budgets)


async def spend(limiter: Limiter, limit: int, host: str = "192.0.2.1") -> bool:
    scope = scope_of(host)
    try:
        await limiter.spend(scope, credential(limit))
    except TooManyRequests:
        return False
    return True


def another(app: Litestar, clock: MovableClock, limit: int = 60) -> Limiter:
    """As another process has it."""
    return Limiter(services_of(app).database, clock, of_an_address=limit)


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_one_budget_for_all_processes(litestar_app: Litestar, clock: MovableClock, limit: int) -> None:
    """Never more than the budget; less only by the portions that others took and did not use."""
    processes = [another(litestar_app, clock) for _ in range(4)]
    for _ in range(2):
        granted = await asyncio.gather(*(spend(processes[n % 4], limit) for n in range(limit + 40)))
        assert limit - 3 * (portion(limit) - 1) <= sum(granted) <= limit
        clock.move(seconds=60)
    for process in processes[1:]:
        await spend(process, limit)
    alone = sum([await spend(processes[0], limit) for _ in range(limit + 5)])
    assert limit - 3 * portion(limit) <= alone <= max(limit - 3, 0)


async def test_without_the_database_each_goes_by_its_own_count(
    litestar_app: Litestar, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Database) -> None:
        raise DatabaseAway

    monkeypatch.setattr(Database, "connection", away)
    limiter = another(litestar_app, clock)
    assert sum([await spend(limiter, 10) for _ in range(15)]) == 10


@asynccontextmanager
async def strict(
    litestar_app: Litestar, settings: Settings, clock: MovableClock
) -> AsyncIterator[tuple[httpx2.AsyncClient, Limiter]]:
    """The application with the limit that addresses have by default."""
    middleware = with_middleware(litestar_app, settings)
    limiter = middleware._limiter = another(litestar_app, clock)
    assert middleware._strangers is not None
    middleware._strangers._limiter = limiter
    async with in_process(middleware, BASE_URL) as client:
        yield client, limiter


def scope_of(host: str) -> Any:  # Any: as much of a scope as it looks at
    scope: Any = {"client": (host, 1), "headers": []}  # Any: the same
    start_context(scope, RequestContext("", is_head=False, is_gone=lambda: False))
    return scope


async def test_guessing_is_slowed(
    bot: httpx2.AsyncClient, litestar_app: Litestar, settings: Settings, clock: MovableClock
) -> None:
    """Sixty refusals a minute, and no more answers from there to who has no good credential."""
    guesses: list[dict[str, str]] = [{}, {"Authorization": "Bearer no"}, {"Authorization": f"Bearer {make()}"}]
    async with strict(litestar_app, settings, clock) as (client, limiter):
        seen: Counter[int] = Counter()
        for n in range(63):
            path = "/v1/nothing/here" if n % 4 == 3 else GUILD
            answer = await client.get(path, headers=guesses[n % 3])
            seen[answer.status_code] += 1
        assert seen == {401: 45, 404: 15, 429: 3}
        assert budget_headers(answer)[0] == '"address";q=60;w=60'
        assert int(answer.headers["retry-after"]) <= 60
        assert (await client.get("/health/live")).status_code == 200
        await limiter.add_up()
        other = another(litestar_app, clock)
        other.note_refusal(scope_of("127.0.0.1"))
        assert not other.is_spent(scope_of("127.0.0.1"))
        await other.add_up()
        assert other.is_spent(scope_of("127.0.0.1"))
        clock.move(seconds=61)
        assert (await client.get(GUILD)).status_code == 401


async def test_a_customers_whole_network_is_one_address(litestar_app: Litestar, clock: MovableClock) -> None:
    limiter = another(litestar_app, clock, limit=2)
    for host in ("2001:db8::1", "2001:db8::ffff:2"):
        limiter.note_refusal(scope_of(host))
    hosts = ("2001:db8::3", "2001:db8:0:1::1", "192.0.2.1")
    assert [limiter.is_spent(scope_of(host)) for host in hosts] == [True, False, False]


async def test_old_budgets_are_swept(litestar_app: Litestar, clock: MovableClock, owner: PlainConnection) -> None:
    limiter = another(litestar_app, clock)
    await spend(limiter, 5)
    for seconds, left in ((0, 1), (200, 0)):
        clock.move(seconds=seconds)
        await limiter.sweep()
        assert await owner.fetchval("SELECT count(*) FROM rate_budgets") == left
