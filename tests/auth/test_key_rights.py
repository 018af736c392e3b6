"""Nobody makes, sees or ends a key that can do more than their own."""

from typing import Any

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from tests.support.clients import Clients
from tests.support.people import HARBOUR, QUARRY

KEYS = "/v1/keys"
READ = {"name": "x", "scopes": ["guilds:read"]}


async def limited(bot: httpx2.AsyncClient, clients: Clients, **data: Any) -> httpx2.AsyncClient:
    """A client whose key was made as wished."""
    body = {"name": "limited", "scopes": ["keys:manage", "guilds:read"]} | data
    return clients.bearer((await bot.post(KEYS, json=body)).json()["secret"])


@pytest.mark.parametrize(
    ("own", "data", "status"),
    [
        ({}, READ, 201),
        ({}, READ | {"scopes": ["guilds:write"]}, 403),
        ({}, READ | {"scopes": ["guilds:read", "audit:read"]}, 403),
        ({}, READ | {"guild_ids": [str(HARBOUR)]}, 201),
        ({"guild_ids": [str(HARBOUR)]}, READ, 403),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": None}, 403),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(QUARRY)]}, 403),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(HARBOUR), str(QUARRY)]}, 403),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(HARBOUR)]}, 201),
        ({"rate_limit": 100}, READ | {"rate_limit": None}, 403),
        ({"rate_limit": 100}, READ | {"rate_limit": 101}, 403),
        ({"rate_limit": 100}, READ | {"rate_limit": 100}, 201),
        ({"rate_limit": None}, READ | {"rate_limit": None}, 201),
        ({"rate_limit": None}, READ | {"rate_limit": 900_000}, 201),
    ],
)
async def test_requested_rights(
    bot: httpx2.AsyncClient, clients: Clients, own: dict[str, Any], data: dict[str, Any], status: int
) -> None:
    async with await limited(bot, clients, **own) as client:
        response = await client.post(KEYS, json=data)
        assert response.status_code == status, response.text
        if status == 403:
            assert response.json()["type"] == "urn:guildhall:problem:forbidden"
        assert len((await client.get(KEYS)).json()["items"]) == (2 if status == 201 else 1)


@pytest.mark.parametrize(("own", "default"), [(100, 100), (6000, 6000), (9000, 6000), (None, 6000)])
async def test_the_default_rate_limit(bot: httpx2.AsyncClient, clients: Clients, own: int | None, default: int) -> None:
    async with await limited(bot, clients, rate_limit=own) as client:
        assert (await client.post(KEYS, json=READ)).json()["rate_limit"] == default


async def test_no_faster_key_by_rotation(bot: httpx2.AsyncClient, clients: Clients) -> None:
    """A rotation tells a secret: it is a way to make a key."""
    faster = (await bot.post(KEYS, json=READ | {"rate_limit": None})).json()["id"]
    async with await limited(bot, clients, rate_limit=100) as client:
        slower = (await client.post(KEYS, json=READ | {"rate_limit": 50})).json()["id"]
        assert (await client.post(f"{KEYS}/{faster}/rotate")).status_code == 403
        assert (await client.post(f"{KEYS}/{slower}/rotate")).status_code == 201
    assert (await bot.get(f"{KEYS}/{faster}")).json()["expires_at"] is None


@pytest.mark.parametrize(
    ("own", "theirs", "is_seen"),
    [
        ({}, READ, True),
        ({}, READ | {"guild_ids": [str(QUARRY)]}, True),
        ({}, READ | {"scopes": ["guilds:read", "guilds:write"]}, False),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(HARBOUR)]}, True),
        ({"guild_ids": [str(HARBOUR)]}, READ, False),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(QUARRY)]}, False),
        ({"guild_ids": [str(HARBOUR)]}, READ | {"guild_ids": [str(HARBOUR), str(QUARRY)]}, False),
    ],
)
async def test_what_is_seen(
    bot: httpx2.AsyncClient, clients: Clients, own: dict[str, Any], theirs: dict[str, Any], *, is_seen: bool
) -> None:
    id_ = (await bot.post(KEYS, json=theirs)).json()["id"]
    async with await limited(bot, clients, **own) as client:
        assert (id_ in [key["id"] for key in (await client.get(KEYS)).json()["items"]]) is is_seen
        expected = (200, 403, 204) if is_seen else (404, 404, 404)
        assert (
            (shown := await client.get(f"{KEYS}/{id_}")).status_code,
            (await client.post(f"{KEYS}/{id_}/rotate")).status_code,
            (await client.delete(f"{KEYS}/{id_}")).status_code,
        ) == expected
        if not is_seen:
            nobodys = await client.get(f"{KEYS}/999999999")
            hide = {"instance": 0, "request_id": 0}
            assert shown.json() | hide == nobodys.json() | hide
    assert ((await bot.get(f"{KEYS}/{id_}")).status_code == 200) is not is_seen
    if not is_seen:  # nor when it is revoked, nor by the one that made it
        maker = await bot.get(f"{KEYS}/{id_}")
        await bot.delete(f"{KEYS}/{id_}")
        async with await limited(bot, clients, **own) as client:
            for query in ("?deleted=true", f"?parent_id={maker.json()['parent_id']}&deleted=true"):
                assert id_ not in [key["id"] for key in (await client.get(KEYS + query)).json()["items"]]
            assert (await client.delete(f"{KEYS}/{id_}")).status_code == 404


async def test_scope_before_existence(bot: httpx2.AsyncClient, clients: Clients) -> None:
    async with await clients.bot(scopes=ALL - {Scope.KEYS_MANAGE}) as client:
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/1"), ("DELETE", "/1"), ("POST", "/1/rotate")):
            assert (await client.request(method, KEYS + path)).status_code == 403


async def test_entries_of_keys_stand_with_their_guilds(bot: httpx2.AsyncClient) -> None:
    await bot.post(KEYS, json=READ | {"guild_ids": [str(HARBOUR)]}, headers={"X-Audit-Log-Reason": "for%20Ada"})
    await bot.post(KEYS, json=READ)
    [entry] = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=key.created")).json()["items"]
    assert entry["reason"] == "for Ada"
    # A key may be for other guilds too: of those this guild's log says nothing.
    assert "guild_ids" not in entry["changes"]
    assert "hash" not in entry["changes"]
    assert not (await bot.get(f"/v1/guilds/{QUARRY}/audit-log?action=key.created")).json()["items"]
