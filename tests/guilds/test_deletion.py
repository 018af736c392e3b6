"""A guild that is left is hidden at once, can be restored for 30 days, and is then gone for good."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from litestar import Litestar

from api.guilds.purging import Purging
from api.postgres.engine import PlainConnection
from tests.requests.routes import SCOPED
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR, NOBODYS, QUARRY
from tests.support.wiring import services_of

PATH = f"/v1/guilds/{HARBOUR}"
UNDER = [route for route in SCOPED if "guild_id" in route.ids and not route.policy.creates_guild]


@pytest.fixture
def purging(litestar_app: Litestar, clock: MovableClock) -> Purging:
    services = services_of(litestar_app)
    return Purging(services.database, services.watcher, clock, timedelta(days=30))


async def fill(bot: httpx2.AsyncClient) -> None:
    """Something of everything that a guild has."""
    items = [{"id": "5", "name": "x"}]
    assert (await bot.put(f"{PATH}/roles", json={"items": items})).status_code == 200
    assert (await bot.put(f"{PATH}/channels", json={"items": items})).status_code == 200
    assert (await bot.patch(f"{PATH}/settings/leveling", json={"enabled": False})).status_code == 200
    assert (await bot.get(f"{PATH}/settings/leveling")).json()["values"]["enabled"] is False


async def rows(owner: PlainConnection) -> dict[str, int]:
    tables = ("guild_roles", "guild_channels", "guild_settings", "guild_settings_revisions", "audit_log")
    return {
        table: await owner.fetchval(f"SELECT count(*) FROM {table} WHERE guild_id = $1", HARBOUR) for table in tables
    }


async def test_deleted_is_not_found_everywhere(bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient) -> None:
    await fill(bot)
    assert (await bot.delete(PATH)).status_code == 204
    for client in (bot, harbour_bot):
        for route in UNDER:
            response = await client.request(route.method, route.url())
            assert response.status_code == 404, str(route)
    assert (await bot.delete(PATH)).status_code == 404
    listed = (await bot.get("/v1/guilds")).json()["items"]
    assert [guild["id"] for guild in listed] == [str(QUARRY)]
    [deleted] = (await harbour_bot.get("/v1/guilds?deleted=true")).json()["items"]
    assert (deleted["id"], deleted["deleted_at"] is None) == (str(HARBOUR), False)


async def test_a_stranger_sees_no_deleted_guild(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await bot.delete(PATH)
    assert (await mallory.get("/v1/guilds?deleted=true")).json()["items"] == []
    assert (await mallory.post(f"{PATH}/restore")).status_code == 404


@pytest.mark.parametrize("by_put", [True, False])
async def test_restored_as_it_was(bot: httpx2.AsyncClient, *, by_put: bool) -> None:
    await fill(bot)
    before = (await bot.get(PATH)).json()
    settings = (await bot.get(f"{PATH}/settings/leveling")).json()
    await bot.delete(PATH)
    response = await (bot.put(PATH, json={"name": "Harbour"}) if by_put else bot.post(f"{PATH}/restore"))
    assert response.status_code == 200
    assert response.json() | {"updated_at": 0} == before | {"updated_at": 0}
    assert (await bot.get(f"{PATH}/settings/leveling")).json() == settings
    assert (await bot.get(f"{PATH}/roles")).json()["items"]
    actions = [entry["action"] for entry in (await bot.get(f"{PATH}/audit-log")).json()["items"]]
    assert actions[:2] == ["guild.restored", "guild.deleted"]


async def test_restoring_what_is_not_deleted(bot: httpx2.AsyncClient) -> None:
    before = (await bot.get(PATH)).json()
    response = await bot.post(f"{PATH}/restore")
    assert (response.status_code, response.json()) == (200, before)
    assert (await bot.post(f"/v1/guilds/{NOBODYS}/restore")).status_code == 404


async def test_left_once_by_twenty(bot: httpx2.AsyncClient) -> None:
    responses = await asyncio.gather(*(bot.delete(PATH) for _ in range(20)))
    assert sorted(response.status_code for response in responses) == [204] + [404] * 19


async def test_the_end_of_the_retention(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purging: Purging
) -> None:
    await fill(bot)
    await bot.delete(PATH)
    clock.move(days=29.9)
    assert await purging.purge_all() == 0
    assert (await bot.get("/v1/guilds?deleted=true")).json()["items"]
    clock.move(days=1.1)
    assert (await bot.get("/v1/guilds?deleted=true")).json()["items"] == []
    assert (await bot.post(f"{PATH}/restore")).status_code == 404
    kept = (await rows(owner))["audit_log"]
    assert await purging.purge_all() == 1
    assert await purging.purge_all() == 0
    assert await rows(owner) == {
        "guild_roles": 0, "guild_channels": 0, "guild_settings": 0, "guild_settings_revisions": 0,
        "audit_log": kept + 1,
    }  # fmt: skip
    assert await owner.fetchval("SELECT count(*) FROM guilds WHERE id = $1", HARBOUR) == 0
    assert (await bot.get(f"/v1/guilds/{QUARRY}")).status_code == 200


@pytest.mark.parametrize("is_purged", [True, False])
async def test_joined_again_after_the_retention(
    bot: httpx2.AsyncClient, clock: MovableClock, purging: Purging, *, is_purged: bool
) -> None:
    """Nothing of the past comes back, whether the job has run or not."""
    await fill(bot)
    await bot.delete(PATH)
    clock.move(days=31)
    if is_purged:
        await purging.purge_all()
    responses = await asyncio.gather(*(bot.put(PATH, json={"name": "Anew"}) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200] * 4 + [201]
    assert (await bot.get(f"{PATH}/roles")).json() == {"items": []}
    assert (await bot.get(f"{PATH}/settings/leveling")).json()["values"]["enabled"] is True
    assert (await bot.get(f"{PATH}/settings/leveling")).json()["revision"] == 0


@pytest.mark.parametrize("is_purged", [True, False])
async def test_keys_for_the_guild_alone_end_with_it(
    bot: httpx2.AsyncClient,
    browsers: Browsers,
    clients: Clients,
    clock: MovableClock,
    purging: Purging,
    *,
    is_purged: bool,
) -> None:
    """They do not create it anew, whether the job has run or not. Keys for more than this guild remain."""
    manage = {"name": "stays", "scopes": ["guilds:read", "guilds:write", "keys:manage"], "expires_at": None}
    ada = await browsers.log_in(ADA)
    made = (await ada.post(f"{PATH}/keys", json=manage)).json()
    parent = clients.bearer(made["secret"])
    child = clients.bearer((await parent.post(f"{PATH}/keys", json=manage)).json()["secret"])
    both = {"guild_ids": [str(HARBOUR), str(QUARRY)]}
    wide = clients.bearer((await bot.post("/v1/keys", json=manage | both)).json()["secret"])
    assert [(await key.get(PATH)).status_code for key in (parent, child, wide)] == [200] * 3
    assert (await bot.delete(PATH)).status_code == 204
    clock.move(days=31)
    if is_purged:
        assert await purging.purge_all() == 1
    anew = {"name": "Anew"}
    assert [(await key.put(PATH, json=anew)).status_code for key in (parent, child)] == [401, 401]
    assert (await wide.get(f"/v1/guilds/{QUARRY}")).status_code == 200
    assert (await wide.put(PATH, json=anew)).status_code == 201
    assert [(await key.get(PATH)).status_code for key in (parent, child, wide)] == [401, 401, 200]
    entries = (await bot.get(f"{PATH}/audit-log?action=key.revoked")).json()["items"]
    assert [entry["actor"]["kind"] for entry in entries] == ["system", "system"]
    assert made["id"] in {entry["target"] for entry in entries}
    for client in (ada, parent, child, wide):
        await client.aclose()
