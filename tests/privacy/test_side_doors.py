"""What one route hides, no other tells: counts of a simulation, entries of the audit log."""

import httpx2

from api.auth.scopes import ALL, Scope
from api.postgres.engine import PlainConnection
from tests.members.people import give, hide
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, QUARRY

SIMULATE = f"/v1/guilds/{HARBOUR}/achievements/simulate"


async def test_a_simulation_does_not_find_out_a_hidden_members_numbers(
    bot: httpx2.AsyncClient, clients: Clients, owner: PlainConnection
) -> None:
    await give(bot, ADA, 835)
    await give(bot, BO, 33)
    await hide(owner, ADA)
    async with await clients.bot(scopes=ALL - {Scope.MEMBERS_WRITE}, guilds=[HARBOUR]) as reader:
        for threshold, theirs, for_their_bot in ((1, 1, 2), (34, 0, 1), (835, 0, 1), (836, 0, 0)):
            draft = {"condition": {"stat": "xp", "gte": threshold}}
            shown = (await reader.post(SIMULATE, json=draft)).json()
            assert (shown["eligible"], shown["would_unlock"]) == (theirs, theirs)
            assert shown["share"] in (0, 1)
            assert (await bot.post(SIMULATE, json=draft)).json()["eligible"] == for_their_bot


async def test_the_audit_log_reveals_nothing_of_keys_that_are_not_seen(
    bot: httpx2.AsyncClient, clients: Clients
) -> None:
    wide = (
        await bot.post(
            "/v1/keys", json={"name": "both", "scopes": ["settings:read"], "guild_ids": [str(HARBOUR), str(QUARRY)]}
        )
    ).json()
    strong = (
        await bot.post("/v1/keys", json={"name": "strong", "scopes": ["members:write"], "guild_ids": [str(HARBOUR)]})
    ).json()
    own = (
        await bot.post("/v1/keys", json={"name": "own", "scopes": ["settings:read"], "guild_ids": [str(HARBOUR)]})
    ).json()
    async with await clients.bot(scopes=ALL - {Scope.MEMBERS_WRITE}, guilds=[HARBOUR]) as reader:
        assert [(await reader.get(f"/v1/keys/{key['id']}")).status_code for key in (wide, strong, own)] == [
            404,
            404,
            200,
        ]
        listed = (await reader.get(f"/v1/guilds/{HARBOUR}/audit-log?action=key.created")).json()["items"]
        shown = {entry["target"]: entry["changes"] for entry in listed}
        assert wide["id"] not in shown
        assert strong["id"] not in shown
        assert shown[own["id"]]["name"]["after"] == "own"
        assert shown[None] == {}
    everything = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=key.created")).json()["items"]
    assert {wide["id"], strong["id"], own["id"]} <= {entry["target"] for entry in everything}
