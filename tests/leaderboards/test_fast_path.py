"""Boards around the framework: what goes that way, and that both ways answer the same."""

import dataclasses
from datetime import date

import httpx2
import pytest
from litestar import Litestar

from api.auth.scopes import Scope
from api.config import Settings
from api.http.gate import gate_of
from tests.leaderboards.conftest import Put, PutDay
from tests.support.both_ways import BothWays
from tests.support.clients import Clients
from tests.support.people import HARBOUR, NOBODYS, QUARRY
from tests.support.wiring import services_of

PATH = f"/v1/guilds/{HARBOUR}/leaderboard"


@pytest.fixture
async def both_ways(
    bot: httpx2.AsyncClient, put: Put, put_day: PutDay, litestar_app: Litestar, settings: Settings, clients: Clients
) -> BothWays:
    """Of a key that reads Harbour's members."""
    await put({user: 1000 - user // 3 for user in range(1, 121)})
    await put_day(date(2026, 11, 20), {1: 5, 2: 7})
    made = BothWays(litestar_app, settings, await clients.key(scopes=[Scope.MEMBERS_READ], guilds=[HARBOUR]))
    await made.get(PATH)  # now all is in memory
    return made


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=7",
        "?limit=500",
        "?stat=xp&limit=50",
        "?stat=messages",
        "?stat=duels_won&period=all",
        "?period=day&at=2026-11-20",
        "?from=2026-11-19&to=2026-11-20&limit=1",
        "?around=60&limit=5",
    ],
)
async def test_plain(both_ways: BothWays, query: str) -> None:
    found = await both_ways.get(f"{PATH}{query}")
    assert found.is_fast
    assert found.fast.status_code == 200
    assert (await both_ways.get(f"{PATH}{query}", method="HEAD")).is_fast


async def test_of_a_large_guild(both_ways: BothWays, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    services_of(litestar_app).snapshots.clear()
    monkeypatch.setattr(services_of(litestar_app).snapshots, "large", 0)
    found = await both_ways.get(f"{PATH}?period=day&at=2026-11-20&limit=1&stat=messages")
    assert found.is_fast
    assert found.fast.json()["as_of"] is not None
    assert found.fast.json()["items"][0]["user_id"] == "2"
    services_of(litestar_app).snapshots.clear()


async def test_pages(both_ways: BothWays) -> None:
    path, ranks = f"{PATH}?limit=7", list[int]()
    while path:
        found = await both_ways.get(path)
        assert found.is_fast
        page = found.fast.json()
        ranks += [item["rank"] for item in page["items"]]
        link = found.fast.headers.get("link")
        assert (link is None) == (page["next_cursor"] is None)
        path = "" if link is None else link.partition(">")[0].removeprefix("<")
    assert ranks == sorted(ranks)
    assert len(ranks) == 120


async def test_many_of_one_value(bot: httpx2.AsyncClient, put: Put) -> None:
    """More than are counted along with a page."""
    await put({user: 5 if user > 3 else 9 for user in range(1, 1250)} | {2000: 1, 2001: 0})
    ranks, path = list[int](), f"{PATH}?limit=100"
    while path:
        page = (await bot.get(path)).json()
        ranks += [item["rank"] for item in page["items"]]
        path = page["next_cursor"] and f"{PATH}?limit=100&cursor={page['next_cursor']}"
    assert ranks == [1] * 3 + [4] * 1246 + [1250, 1251]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PATH}?limit=0", 422),
        (f"{PATH}?limit=07", 422),
        (f"{PATH}?limit=1e3", 422),
        (f"{PATH}?limit=5&limit=6", 422),
        (f"{PATH}?stat=XP", 422),
        (f"{PATH}?stat=%78p", 200),
        (f"{PATH}?stat=", 422),
        (f"{PATH}?period=year", 422),
        (f"{PATH}?at=null", 422),
        (f"{PATH}?cursor=abc", 422),
        (f"{PATH}?around=007", 422),
        (f"{PATH}?around=9999", 404),
        (f"{PATH}?other=1", 422),
        (f"{PATH}?limit=5&", 200),
        (f"{PATH}/", 200),
        (f"/v1/guilds/{QUARRY}/leaderboard", 404),
        (f"/v1/guilds/{NOBODYS}/leaderboard", 404),
    ],
)
async def test_the_ordinary_way(both_ways: BothWays, path: str, status: int) -> None:
    found = await both_ways.get(path)
    assert not found.is_fast
    assert found.fast.status_code == status


async def test_unusual_headers(both_ways: BothWays) -> None:
    for headers in (
        [("Accept", "application/vnd.msgpack")],
        [("Host", "a_b.test")],
        [("Authorization", "Bearer gh_another")],
    ):
        assert not (await both_ways.get(PATH, headers)).is_fast
    found = await both_ways.get(f"{PATH}?limit=5", [("Host", "bots.example:8080")])
    assert found.is_fast
    assert found.fast.headers["link"].startswith(f"<http://bots.example:8080{PATH}?limit=5&cursor=")


async def test_addresses_of_pages_are_those_that_people_use(
    litestar_app: Litestar,
    both_ways: BothWays,
    settings: Settings,
    clients: Clients,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public = "https://bots.example/guildhall"
    gate = gate_of(litestar_app)
    monkeypatch.setitem(litestar_app.state._state, "gate", dataclasses.replace(gate, public_url=public))
    secret = await clients.key(scopes=[Scope.MEMBERS_READ], guilds=[HARBOUR])
    found = await BothWays(litestar_app, settings, secret, public).get(f"{PATH}?limit=5")
    assert found.is_fast
    assert found.fast.headers["link"].startswith(f"<{public}{PATH}?limit=5&cursor=")


async def test_other_keys(litestar_app: Litestar, settings: Settings, clients: Clients, both_ways: BothWays) -> None:
    elsewhere = BothWays(litestar_app, settings, await clients.key(scopes=[Scope.SETTINGS_READ]))
    for _ in range(2):
        found = await elsewhere.get(PATH)
        assert (found.is_fast, found.fast.status_code) == (False, 403)
