"""Keys for one guild, which the people who manage it make, see and revoke."""

from datetime import timedelta

import httpx2
import pytest

from api.auth.scopes import ALL
from api.keys import service
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR, MALLORY, QUARRY

KEYS = f"/v1/guilds/{HARBOUR}/keys"
BODY = {"name": "statistics", "scopes": ["members:read", "guilds:read"]}


async def test_a_manager_makes_a_key_for_their_guild(
    bot: httpx2.AsyncClient, browsers: Browsers, clients: Clients
) -> None:
    ada, mallory = await browsers.log_in(ADA), await browsers.log_in(MALLORY)
    answer = await ada.post(KEYS, json=BODY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["guild_ids"], made["parent_id"], made["rate_limit"]) == ([str(HARBOUR)], None, 600)
    client = clients.bearer(made.pop("secret"))
    assert (await client.get(f"/v1/guilds/{HARBOUR}")).status_code == 200
    assert (await client.get(f"/v1/guilds/{QUARRY}")).status_code == 404
    assert [item["id"] for item in (await ada.get(KEYS)).json()["items"]] == [made["id"]]
    assert (await mallory.get(KEYS)).status_code == 404
    elsewhere = f"/v1/guilds/{QUARRY}/keys"
    assert (await mallory.get(elsewhere)).json()["items"] == []
    assert (await mallory.delete(f"{elsewhere}/{made['id']}")).status_code == 404
    [entry] = (await ada.get(f"/v1/guilds/{HARBOUR}/audit-log?action=key.created")).json()["items"]
    assert (entry["actor"], entry["target"]) == ({"kind": "user", "id": str(ADA)}, made["id"])
    assert [(await ada.delete(f"{KEYS}/{made['id']}")).status_code for _ in range(2)] == [204, 404]
    assert (await client.get(f"/v1/guilds/{HARBOUR}")).status_code == 401
    assert [item["id"] for item in (await ada.get(f"{KEYS}?deleted=true")).json()["items"]] == [made["id"]]
    for each in (client, ada, mallory):
        await each.aclose()


async def test_no_more_than_their_own(bot: httpx2.AsyncClient, browsers: Browsers) -> None:
    """Not what only bots may, not what shows hidden people, no faster than a session; and nobody finds such a key."""
    ada = await browsers.log_in(ADA)
    for surplus in ({"scopes": ["activity:write"]}, {"scopes": ["members:write"]}, {"rate_limit": None}):
        assert (await ada.post(KEYS, json=BODY | surplus)).status_code == 403, surplus
    assert (await ada.post(KEYS, json=BODY | {"guild_ids": [str(QUARRY)]})).status_code == 422
    assert (await ada.post("/v1/keys", json=BODY)).status_code == 403
    assert (await ada.get("/v1/keys")).status_code == 403
    both = [str(HARBOUR), str(QUARRY)]
    for wider in (
        {"scopes": sorted(ALL), "guild_ids": [str(HARBOUR)]},
        {"scopes": ["guilds:read"], "guild_ids": both},
        {"scopes": ["guilds:read"], "guild_ids": None},
    ):
        wide = (await bot.post("/v1/keys", json={"name": "wide", **wider})).json()["id"]
        assert (await ada.delete(f"{KEYS}/{wide}")).status_code == 404, wider
    assert (await ada.get(KEYS)).json()["items"] == []
    await ada.aclose()


async def test_twenty_five_that_work(bot: httpx2.AsyncClient, browsers: Browsers, clock: MovableClock) -> None:
    ada = await browsers.log_in(ADA)
    soon = (clock.now() + timedelta(minutes=1)).isoformat()
    statuses = [(await ada.post(KEYS, json=BODY | {"expires_at": soon})).status_code for _ in range(26)]
    assert statuses == [201] * 25 + [409]
    assert (await bot.post(KEYS, json=BODY)).status_code == 201, "a key's own end with it, and count among its family"
    clock.move(seconds=61)
    assert (await ada.post(KEYS, json=BODY)).status_code == 201
    await ada.aclose()


async def test_rotated_keys_count(
    bot: httpx2.AsyncClient, browsers: Browsers, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old keys work until their grace is over, so their number is bounded. They take no place from other keys."""
    monkeypatch.setattr(service, "MOST_KEYS", 3)
    monkeypatch.setattr(service, "MOST_OF_GUILD", 2)
    ada = await browsers.log_in(ADA)
    made = (await ada.post(KEYS, json=BODY | {"scopes": ["keys:manage"]})).json()
    for status in (201, 201, 409):
        async with clients.bearer(made["secret"]) as client:
            answer = await client.post(f"/v1/keys/{made['id']}/rotate")
        assert answer.status_code == status, answer.text
        made = answer.json()
    assert [(await ada.post(KEYS, json=BODY)).status_code for _ in range(2)] == [201, 409]
    await ada.aclose()
