"""Being hidden and opting out: one choice, for every guild at once."""

import httpx2
import pytest

from api.auth.scopes import Scope
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.imports.files import imported
from tests.members.people import give, member, profile
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, QUARRY

PATH = f"/v1/users/{ADA}/privacy"
FIRST = {"visibility": "public", "opt_out": False}
HIDDEN = {"visibility": "hidden", "opt_out": False}


async def put(client: httpx2.AsyncClient, **data: object) -> httpx2.Response:
    response = await client.put(PATH, json=data)
    assert response.status_code == 200, response.text
    return response


async def test_who_never_chose(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    assert (await bot.get(PATH)).json() == FIRST
    assert (await put(bot, **FIRST)).json() == FIRST
    assert await owner.fetchval("SELECT count(*) FROM privacy_choices") == 0


async def test_hidden_in_every_guild(bot: httpx2.AsyncClient, clients: Clients) -> None:
    for guild_id in (HARBOUR, QUARRY):
        await give(bot, ADA, 300, guild_id)
        await give(bot, BO, 200, guild_id)
    assert (await put(bot, **HIDDEN)).json() == (await bot.get(PATH)).json() == HIDDEN
    async with await clients.bot(scopes=[Scope.MEMBERS_READ]) as reader:
        for guild_id in (HARBOUR, QUARRY):
            assert (await profile(reader, BO, guild_id)).items() >= {"rank": 1, "member_count": 1}.items()
            assert (await profile(bot, ADA, guild_id))["rank"] is None, "their bot still sees them"
            for path in (member(ADA, guild_id), f"{member(ADA, guild_id)}/activity"):
                assert (await reader.get(path)).status_code == 404
            for query in ("", "?period=day", "?stat=messages", "?period=week&stat=xp"):
                board = (await bot.get(f"/v1/guilds/{guild_id}/leaderboard{query}")).json()
                assert str(ADA) not in [entry["user_id"] for entry in board["items"]]
            around = await bot.get(f"/v1/guilds/{guild_id}/leaderboard?around={ADA}")
            assert around.status_code == 404
        await put(bot, visibility="public")
        assert (await profile(reader, ADA))["rank"] == 1
        assert (await profile(reader, BO))["rank"] == 2


async def test_who_joins_later_is_hidden_too(bot: httpx2.AsyncClient) -> None:
    await put(bot, visibility="hidden")
    await record(bot, message("1"), message("2", user=BO))
    assert (await profile(bot, BO)).items() >= {"rank": 1, "member_count": 1}.items()


async def test_opting_out_drops_what_comes(bot: httpx2.AsyncClient) -> None:
    await record(bot, message("1"))
    assert (await put(bot, opt_out=True)).json() == {"visibility": "public", "opt_out": True}
    assert (await record(bot, message("2")))["accepted"] == 1
    assert (await profile(bot))["stats"]["messages"] == 1, "what is stored stays, and no more comes"
    assert (await put(bot, opt_out=False)).json() == FIRST
    await record(bot, message("2"))
    assert (await profile(bot))["stats"]["messages"] == 2


async def test_twice_is_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for _ in range(2):
        await put(bot, visibility="hidden", opt_out=True)
    entries = await owner.fetch("SELECT target, changes FROM audit_log WHERE action = 'user.privacy_changed'")
    assert [row["target"] for row in entries] == [str(ADA)]
    for _ in range(2):
        await put(bot, **FIRST)
    assert await owner.fetchval("SELECT count(*) FROM privacy_choices") == 0


async def test_etags(bot: httpx2.AsyncClient) -> None:
    tag = (await bot.get(PATH)).headers["etag"]
    assert (await bot.get(PATH, headers={"If-None-Match": tag})).status_code == 304
    assert (await bot.put(PATH, json=HIDDEN, headers={"If-Match": tag})).status_code == 200
    assert (await bot.put(PATH, json=FIRST, headers={"If-Match": tag})).status_code == 412
    assert (await bot.get(PATH)).json() == HIDDEN


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ({"visibility": "secret"}, ["/visibility"]),
        ({"opt_out": 1, "hidden": True}, ["/hidden", "/opt_out"]),
        ({"visibility": None}, ["/visibility"]),
    ],
)
async def test_invalid(bot: httpx2.AsyncClient, data: object, pointers: list[str]) -> None:
    response = await bot.put(PATH, json=data)
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == pointers


async def test_with_a_list_of_guilds(harbour_bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    for client in (harbour_bot, mallory):
        assert (await client.get(PATH)).status_code == 403
        assert (await client.put(PATH, json=HIDDEN)).status_code == 403


async def test_hidden_in_the_preview_of_an_import(bot: httpx2.AsyncClient, clients: Clients) -> None:
    """Who had nothing before could be somebody unknown, and stays."""
    await give(bot, ADA, 3)
    await put(bot, visibility="hidden")
    done = await imported(bot, "csv", f"user_id,xp\n{ADA},5\n{BO},6\n".encode(), dry_run=True)
    assert len(done["preview"]) == 2, "for their bot"
    async with await clients.bot(scopes=[Scope.MEMBERS_READ]) as reader:
        [listed] = (await reader.get(f"/v1/guilds/{HARBOUR}/imports")).json()["items"]
        single = (await reader.get(f"/v1/imports/{done['id']}")).json()
    assert [row["user_id"] for row in listed["preview"]] == [str(BO)]
    assert single["preview"] == listed["preview"]
