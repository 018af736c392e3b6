"""What a person may do where, as Discord and the guild's own settings say, and for how long that is believed."""

import asyncio

import httpx2
import pytest

from api.auth.scopes import Scope
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import ADMINISTRATOR, MANAGE_GUILD, SPEAKS, Discord, Member
from tests.support.discord_answers import broken, forbidden
from tests.support.people import ADA, BO, HARBOUR, MALLORY, NOBODYS

GUILD = f"/v1/guilds/{HARBOUR}"
SETTINGS = f"{GUILD}/settings/leveling"
MINE = "/users/@me/guilds"
ROLES = "/users/@me/guilds/{guild}/member"
READER, WRITER = 700, 800


async def write(browser: httpx2.AsyncClient) -> int:
    return (await browser.patch(SETTINGS, json={"max_level": 7})).status_code


async def read(browser: httpx2.AsyncClient) -> int:
    return (await browser.get(GUILD)).status_code


async def admit(bot: httpx2.AsyncClient, guild_id: int = HARBOUR) -> None:
    """The guild lets its readers and writers in."""
    roles = {"reader_role_ids": [str(READER)], "writer_role_ids": [str(WRITER)]}
    answer = await bot.put(f"/v1/guilds/{guild_id}/settings/privacy", json=roles)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("member", "may"),
    [
        (Member(owner=True, permissions=0), True),
        (Member(permissions=ADMINISTRATOR), True),
        (Member(permissions=MANAGE_GUILD), True),
        (Member(permissions=(1 << 60) | MANAGE_GUILD | SPEAKS), True),
        (Member(permissions=((1 << 60) - 1) & ~(MANAGE_GUILD | ADMINISTRATOR)), False),
        (Member(permissions=0), False),
        (None, False),
    ],
)
async def test_who_manages_a_guild(browsers: Browsers, discord: Discord, member: Member | None, may: bool) -> None:
    discord.members[HARBOUR].pop(BO)
    if member is not None:
        discord.members[HARBOUR][BO] = member
    bo = await browsers.log_in(BO)
    assert (await read(bo), await write(bo)) == ((200, 200) if may else (404, 404))
    listed = [
        [guild["id"] for guild in (await bo.get(path)).json()["items"]] for path in ("/v1/guilds", "/v1/me/guilds")
    ]
    assert listed == [[str(HARBOUR)] if may else []] * 2


async def test_a_strangers_guild_is_nobodys(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    """In body, and in time: neither is looked up."""
    mallory = await browsers.log_in(MALLORY)
    for place in ("api.accounts.guild_roles.GuildRoles.get", "api.auth.directory.Directory.require"):
        monkeypatch.setattr(place, None)
    for method, path in (("GET", ""), ("PATCH", ""), ("GET", "/settings"), ("GET", "/audit-log"), ("PUT", "/roles")):
        theirs, nobodys = [
            await mallory.request(method, f"/v1/guilds/{id_}{path}", headers={"X-Request-ID": "same"})
            for id_ in (HARBOUR, NOBODYS)
        ]
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() | {"instance": ""} == nobodys.json() | {"instance": ""}


async def test_a_lost_permission_is_noticed_in_time(browsers: Browsers, discord: Discord, clock: MovableClock) -> None:
    ada = await browsers.log_in(ADA)
    assert (await read(ada), await write(ada)) == (200, 200)
    discord.members[HARBOUR][ADA] = Member()
    clock.move(seconds=59)
    assert (await write(ada), await read(ada)) == (200, 200)
    clock.move(seconds=2)
    assert (await read(ada), await write(ada)) == (200, 404)
    assert await read(ada) == 404  # what the write has learnt, the read knows
    assert discord.calls[MINE] == 2


async def test_a_reader_learns_of_it_within_five_minutes(
    browsers: Browsers, discord: Discord, clock: MovableClock
) -> None:
    ada = await browsers.log_in(ADA)
    assert await read(ada) == 200
    del discord.members[HARBOUR][ADA]
    clock.move(seconds=299)
    assert await read(ada) == 200
    clock.move(seconds=2)
    assert await read(ada) == 404


async def test_a_person_with_two_hundred_guilds(browsers: Browsers, discord: Discord, bot: httpx2.AsyncClient) -> None:
    for number in range(1, 200):
        discord.members[number] = {ADA: Member(permissions=MANAGE_GUILD if number % 2 else SPEAKS)}
    ada = await browsers.log_in(ADA)
    found, cursor = [], None
    while True:
        page = (await ada.get("/v1/me/guilds", params={"limit": 40, **({"cursor": cursor} if cursor else {})})).json()
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [int(guild["id"]) for guild in found] == [*range(1, 200, 2), HARBOUR]
    assert [guild["id"] for guild in found if guild["is_here"]] == [str(HARBOUR)]
    assert discord.calls[MINE] == 1
    for bad in ("limit=0", "limit=x", "cursor=x", "cursor=", "a=1"):
        assert (await ada.get(f"/v1/me/guilds?{bad}")).status_code == 422, bad
    mallory = await browsers.log_in(MALLORY)
    page = (await ada.get("/v1/me/guilds?limit=1")).json()
    assert (await mallory.get("/v1/me/guilds", params={"cursor": page["next_cursor"]})).status_code == 422


async def test_roles_let_in_who_does_not_manage(
    browsers: Browsers, discord: Discord, bot: httpx2.AsyncClient, clock: MovableClock
) -> None:
    member = discord.members[HARBOUR][BO]
    bo = await browsers.log_in(BO)
    assert (await read(bo), await write(bo)) == (404, 404)
    assert discord.calls[ROLES] == 0, "no role could help"
    await admit(bot)
    assert (await read(bo), await write(bo)) == (404, 404)
    member.roles = [5, READER]
    clock.move(seconds=301)
    assert (await read(bo), await write(bo)) == (200, 403)
    assert [guild["id"] for guild in (await bo.get("/v1/guilds")).json()["items"]] == [str(HARBOUR)]
    assert (await bo.get("/v1/me/guilds")).json()["items"] == []
    for path in ("/audit-log", "/export"):
        assert (await bo.get(GUILD + path)).status_code == 403
    member.roles = [WRITER]
    clock.move(seconds=61)
    assert (await write(bo), await read(bo)) == (200, 200)
    for method, path in (
        ("PATCH", ""),
        ("DELETE", ""),
        ("PUT", "/roles"),
        ("PATCH", "/settings/privacy"),
        ("DELETE", "/settings/privacy"),
        ("POST", "/settings/privacy/revisions/0/restore"),
    ):
        assert (await bo.request(method, GUILD + path, json={})).status_code == 403, path
    assert (await bo.get(f"{GUILD}/settings/privacy")).status_code == 200
    ada = await browsers.log_in(ADA)
    assert (await ada.delete(f"{GUILD}/settings/privacy")).status_code == 204
    assert (await read(bo), await write(bo)) == (404, 404), "the guild's own word counts at once"


async def test_a_lost_role_is_noticed_in_time_and_discord_s_failing_opens_nothing(
    browsers: Browsers, discord: Discord, bot: httpx2.AsyncClient, clock: MovableClock
) -> None:
    member = discord.members[HARBOUR][BO]
    member.roles = [WRITER]
    await admit(bot)
    bo = await browsers.log_in(BO)
    assert (await read(bo), await write(bo)) == (200, 200)
    member.roles = []
    clock.move(seconds=61)
    assert await write(bo) == 404
    member.roles = [WRITER]
    clock.move(seconds=61)
    assert await write(bo) == 200
    discord.fails(ROLES, broken)
    clock.move(seconds=61)
    assert (await write(bo), await read(bo)) == (503, 200)
    clock.move(seconds=900)
    assert await read(bo) == 503
    assert (await bo.get("/v1/guilds")).json()["items"] == []
    discord.fails(ROLES, forbidden)
    clock.move(seconds=4)
    assert await read(bo) == 404


async def test_a_person_s_own_things_are_theirs_alone(browsers: Browsers) -> None:
    """What the guard makes of `/v1/users/{user_id}/…`, before any route of it."""
    ada, accounts = await browsers.log_in(ADA), browsers.accounts
    assert accounts.access is not None
    session = await accounts.sessions.authenticate(ada.cookies["guildhall-session"])
    credential = await accounts.access.narrowed(session, {"user_id": str(ADA)}, write=True)
    assert (credential.user_id, credential.guild_ids) == (ADA, None)
    assert credential.scopes == {"users:export", "users:erase"}
    with pytest.raises(Exception, match="does not exist"):
        await accounts.access.narrowed(session, {"user_id": str(BO)}, write=False)


async def test_an_import_of_a_stranger_s_guild_is_not_found(
    browsers: Browsers, bot: httpx2.AsyncClient, clients: Clients
) -> None:
    begun = await bot.post(
        f"{GUILD}/imports?source=csv", content="user_id,xp\n5,5\n", headers={"Content-Type": "text/csv"}
    )
    path = begun.headers["location"]
    ada, mallory = await browsers.log_in(ADA), await browsers.log_in(MALLORY)
    assert ((await ada.get(path)).status_code, (await mallory.get(path)).status_code) == (200, 404)
    for _ in range(200):
        if (await bot.get(path)).json()["status"] == "finished":
            break
        await asyncio.sleep(0.02)


async def test_everybody_learns_what_they_may_do(
    browsers: Browsers, discord: Discord, bot: httpx2.AsyncClient, clients: Clients
) -> None:
    await admit(bot)

    async def scopes(client: httpx2.AsyncClient) -> set[str]:
        answer = await client.get(f"{GUILD}/access")
        assert answer.status_code == 200, answer.text
        assert answer.json()["guild_id"] == str(HARBOUR)
        return {scope for scope in answer.json()["scopes"] if scope.endswith(":write")}

    written = {"settings:write", "members:write", "achievements:write"}
    discord.members[HARBOUR][BO].roles = [READER]
    discord.members[HARBOUR][MALLORY] = Member(roles=[WRITER])
    assert await scopes(await browsers.log_in(BO)) == set()
    assert await scopes(await browsers.log_in(MALLORY)) == written
    assert await scopes(await browsers.log_in(ADA)) == {*written, "guilds:write", "webhooks:write"}
    assert await scopes(await clients.bot(scopes=[Scope.GUILDS_READ, Scope.MEMBERS_WRITE])) == {"members:write"}
    mallory = await browsers.log_in(MALLORY)
    assert (await mallory.get(f"/v1/guilds/{NOBODYS}/access")).status_code == 404
