"""How many streams a key, a person, and all together may have open, and that they free their places."""

import asyncio
import contextlib
from collections.abc import Callable

import httpx2
import pytest
from litestar import Litestar

from api.auth.actors import Credential
from api.errors import Overloaded, TooManyRequests
from api.events.bounds import OF_A_PERSON, StreamBounds
from api.lib.metrics import Metrics
from tests.events.streams import stream
from tests.support.clients import Clients
from tests.support.wiring import services_of


@pytest.fixture
def bounds(litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> StreamBounds:
    found: StreamBounds = services_of(litestar_app).stream_bounds
    monkeypatch.setattr(found, "of_a_key", 2)
    monkeypatch.setattr(found, "in_all", 3)
    return found


async def test_a_key_has_so_many_and_all_have_so_many(
    bounds: StreamBounds, bot: httpx2.AsyncClient, clients: Clients, base_url: str
) -> None:
    keys = [await clients.key(name=str(number)) for number in range(3)]
    async with contextlib.AsyncExitStack() as streams:

        async def refused(key: str) -> httpx2.Response:
            async with clients.bearer(key) as client:
                return await client.get("/v1/events")

        for _ in range(2):
            await streams.enter_async_context(stream(base_url, keys[0]))
        answer = await refused(keys[0])
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "15")
        assert answer.json()["type"] == "urn:guildhall:problem:too-many-requests"
        await streams.enter_async_context(stream(base_url, keys[1]))
        answer = await refused(keys[2])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
        assert answer.json()["type"] == "urn:guildhall:problem:overloaded"
        assert (await bot.get("/v1/guilds")).status_code == 200
    async with asyncio.timeout(5):
        while bounds._open.total():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
    async with stream(base_url, keys[0]):
        pass
    text = (await bot.get("/metrics")).text
    for whose in ("key", "all"):
        assert f'guildhall_streams_refused_total{{whose="{whose}"}}' in text


async def test_head_takes_no_place(bounds: StreamBounds, bot: httpx2.AsyncClient) -> None:
    for _ in range(4):
        assert (await bot.head("/v1/events")).status_code == 200
    assert not bounds._open


def credential(number: int, *, person: int | None = None, root: str | None = None) -> Credential:
    budgets = () if root is None else ((f"key:{number}", 60), (root, 60))
    return Credential(
        id=number, scopes=frozenset(), guild_ids=None, rate_limit=None, expires_at=None, user_id=person, budgets=budgets
    )


def test_a_person_has_them_in_all_browsers_and_a_key_with_those_that_it_made() -> None:
    made = StreamBounds(Metrics(), of_a_key=2, in_all=100)
    leaves: list[Callable[[], None]] = [made.enter(credential(-n, person=7)) for n in range(1, OF_A_PERSON + 1)]
    with pytest.raises(TooManyRequests, match="person"):
        made.enter(credential(-100, person=7))
    made.enter(credential(-101, person=8))
    leaves.pop()()
    made.enter(credential(-100, person=7))
    for number in (11, 12):
        made.enter(credential(number, root="key:10"))
    with pytest.raises(TooManyRequests, match="key"):
        made.enter(credential(13, root="key:10"))


def test_all_of_them_have_a_bound() -> None:
    made = StreamBounds(Metrics(), of_a_key=2, in_all=3)
    leaves = [made.enter(credential(number)) for number in (1, 1, 2)]
    with pytest.raises(Overloaded):
        made.enter(credential(3))
    for leave in leaves:
        leave()
    assert not made._open
