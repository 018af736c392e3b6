"""All keys that come of one spend no more than it may."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.auth import slots
from api.auth.keyring import Keyring
from api.auth.slots import Slots
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

KEYS = "/v1/keys"
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"
WISH = {"name": "x", "scopes": ["settings:read", "keys:manage"]}


async def made(client: httpx2.AsyncClient, clients: Clients, **data: Any) -> httpx2.AsyncClient:
    answer = await client.post(KEYS, json=WISH | data)
    assert answer.status_code == 201, answer.text
    return clients.bearer(answer.json()["secret"])


async def rotated(client: httpx2.AsyncClient, clients: Clients) -> httpx2.AsyncClient:
    """What a key gets in its own place: it is the oldest that it sees."""
    key = (await client.get(KEYS)).json()["items"][-1]
    answer = await client.post(f"{KEYS}/{key['id']}/rotate")
    assert answer.status_code == 201, answer.text
    return clients.bearer(answer.json()["secret"])


async def passed(client: httpx2.AsyncClient, tries: int) -> int:
    """How many of so many requests are answered."""
    return [(await client.get(SETTINGS)).status_code for _ in range(tries)].count(200)


async def test_a_family_spends_no_more_than_its_first(
    bot: httpx2.AsyncClient, clients: Clients, clock: MovableClock
) -> None:
    first = await made(bot, clients, rate_limit=40)
    second = await made(first, clients, rate_limit=30)
    third, fourth = await made(second, clients, rate_limit=30), await made(second, clients, rate_limit=5)
    clock.move(seconds=60)
    # The narrowest budget counts, and what it refuses is taken off no other.
    assert await passed(fourth, 9) == 5
    assert await passed(third, 40) == 30 - 5
    refused = await third.get(SETTINGS)
    assert (refused.status_code, refused.headers["x-ratelimit-limit"]) == (429, "30")
    assert await passed(second, 5) == 0
    assert await passed(first, 20) == 40 - 30
    assert await passed(bot, 3) == 3
    clock.move(seconds=60)
    assert await passed(third, 3) == 3


async def test_rotating_gives_no_second_budget(bot: httpx2.AsyncClient, clients: Clients, clock: MovableClock) -> None:
    old = await made(bot, clients, rate_limit=20)
    child = await made(old, clients)
    new = await rotated(old, clients)
    newest = await rotated(old, clients)
    clock.move(seconds=60)
    assert [await passed(client, 8) for client in (old, new, child, newest)] == [8, 8, 4, 0]


async def test_answers_report_the_budget_with_the_least_left(
    bot: httpx2.AsyncClient, clients: Clients, clock: MovableClock
) -> None:
    first = await made(bot, clients, rate_limit=20)
    second = await made(first, clients, rate_limit=15)
    clock.move(seconds=60)
    assert (await second.get(SETTINGS)).headers["x-ratelimit-remaining"] == "14"
    assert await passed(first, 10) == 10
    read_back = await second.get(SETTINGS)
    assert (read_back.headers["x-ratelimit-limit"], read_back.headers["x-ratelimit-remaining"]) == ("20", "8")
    # What has not changed costs nothing, of all.
    known = {"If-None-Match": read_back.headers["etag"]}
    assert [(await second.get(SETTINGS, headers=known)).headers["x-ratelimit-remaining"] for _ in range(3)] == ["8"] * 3
    assert [await passed(second, 12), await passed(first, 3)] == [8, 0]


async def test_a_family_does_no_more_at_once_than_its_first(
    bot: httpx2.AsyncClient, clients: Clients, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests, recording ones and streams: whoever makes keys gets no places by it."""
    first = await made(bot, clients, rate_limit=4000, scopes=["settings:read", "activity:write", "keys:manage"])
    second = await made(first, clients, scopes=["settings:read", "activity:write", "keys:manage"])
    third = await made(second, clients, scopes=["settings:read", "activity:write"])
    stranger = await made(bot, clients)
    keyring: Keyring = services_of(litestar_app).keyring
    family = {(await keyring.authenticate(each.headers["Authorization"])).family for each in (first, second, third)}
    assert len(family) == 1
    monkeypatch.setattr(slots, "WAIT_SECONDS", 0.01)
    body = {"events": [{"id": "1", "type": "message", "user_id": "5", "occurred_at": datetime.now(UTC).isoformat()}]}
    # What is not in memory goes another way, and counts with all others: both ways are full.
    both: list[Slots] = [services_of(litestar_app).slots, services_of(litestar_app).recording_slots]
    leaves = [await found.enter(each) for found in both for each in family for _ in range(found._at_once)]
    for method, url, sent in (("GET", "/v1/modules", None), ("POST", f"/v1/guilds/{HARBOUR}/activity", body)):
        answers = [await each.request(method, url, json=sent) for each in (first, second, third)]
        assert [answer.status_code for answer in answers] == [429] * 3
        assert (await stranger.get("/v1/modules")).status_code == 200
    for leave in leaves:
        leave()
    assert (await third.get("/v1/modules")).status_code == 200
