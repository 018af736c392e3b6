"""What a person may do where, as Discord and the guild's own settings say, and for how long that is believed."""

import asyncio

import httpx
import pytest

from api.engine import PlainConnection
from api.people.grants import Grants
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import (
    ADMINISTRATOR,
    MANAGE_GUILD,
    SPEAKS,
    Answer,
    Call,
    Discord,
    Fault,
    Member,
    limited,
    silence,
    told,
)
from tests.support.people import ADA, BO, HARBOUR, MALLORY, NOBODYS, QUARRY

GUILD = f"/v1/guilds/{HARBOUR}"
SETTINGS = f"{GUILD}/settings/leveling"
MINE = "/users/@me/guilds"
ROLES = "/users/@me/guilds/{guild}/member"
READER, WRITER = 700, 800


async def write(browser: httpx.AsyncClient) -> int:
    return (await browser.patch(SETTINGS, json={"max_level": 7})).status_code


async def read(browser: httpx.AsyncClient) -> int:
    return (await browser.get(GUILD)).status_code


async def admit(bot: httpx.AsyncClient, guild_id: int = HARBOUR) -> None:
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
    for place in ("api.people.guild_roles.GuildRoles.get", "api.guilds.directory.Directory.require"):
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


async def html(_call: Call) -> Answer:
    return 200, {"content-type": "text/html"}, b"<html>"


async def nonsense(_call: Call) -> Answer:
    return told(200, [{"id": "abc", "name": "x", "permissions": "8", "owner": True}])


async def no_number(_call: Call) -> Answer:
    return told(200, [{"id": str(HARBOUR), "name": "x", "permissions": "-8", "owner": True}])


async def deep(_call: Call) -> Answer:
    return 200, {}, b"[" * 100_000


async def broken(_call: Call) -> Answer:
    return 500, {}, b""


async def forbidden(_call: Call) -> Answer:
    return told(403, {"message": "Missing Access", "code": 50001})


@pytest.mark.parametrize("fault", [html, nonsense, no_number, deep, broken, forbidden, silence])
async def test_while_discord_fails_changes_are_refused_and_reads_live_on_what_was_known(
    browsers: Browsers, discord: Discord, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("api.people.discord.SECONDS", 0.1)
    ada = await browsers.log_in(ADA)
    assert (await read(ada), await write(ada)) == (200, 200)
    discord.fails(MINE, fault)
    clock.move(seconds=61)
    refused = await ada.patch(SETTINGS, json={"max_level": 8})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:guildhall:problem:discord-away")
    assert int(refused.headers["retry-after"]) >= 1
    assert await read(ada) == 200
    clock.move(seconds=838)
    assert (await read(ada), await write(ada)) == (200, 503)
    clock.move(seconds=2)
    assert (await read(ada), await write(ada)) == (503, 503)
    discord.faults.clear()
    clock.move(seconds=4)
    assert (await read(ada), await write(ada)) == (200, 200)


async def test_nothing_hangs_on_silence(
    browsers: Browsers, discord: Discord, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call is waited for, and for a while nobody asks again."""
    monkeypatch.setattr("api.people.discord.SECONDS", 0.2)
    ada = await browsers.log_in(ADA)
    assert await read(ada) == 200
    discord.fails(MINE, silence)
    clock.move(seconds=400)
    before = discord.calls[MINE]
    async with asyncio.timeout(2):
        assert await asyncio.gather(*(read(ada) for _ in range(20)), *(write(ada) for _ in range(20))) == (
            [200] * 20 + [503] * 20
        )
    assert discord.calls[MINE] == before + 1


async def test_a_person_is_asked_about_once_at_a_time(browsers: Browsers, discord: Discord) -> None:
    ada, too = await browsers.log_in(ADA), await browsers.log_in(ADA)

    async def slow(_call: Call) -> None:
        await asyncio.sleep(0.05)

    discord.fails(MINE, slow)
    found = await asyncio.gather(*(read(browser) for _ in range(15) for browser in (ada, too)))
    assert set(found) == {200}
    assert discord.calls[MINE] == 1


@pytest.mark.parametrize("everything", [False, True])
async def test_discord_is_left_alone_as_long_as_it_wishes(
    browsers: Browsers, discord: Discord, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    people = browsers.people
    assert people.discord is not None
    ada, mallory = await browsers.log_in(ADA), await browsers.log_in(MALLORY)
    now = 1000.0
    monkeypatch.setattr(people.discord, "_monotonic", lambda: now)
    monkeypatch.setattr("api.people.kept.QUIET_SECONDS", 0.0)

    async def busy(_call: Call) -> Answer:
        return limited(20, everything=everything)

    discord.fails(MINE, busy)
    first = await ada.get(GUILD)
    assert (first.status_code, first.headers["retry-after"]) == (503, "21")
    discord.faults.clear()
    now += 19
    again = await ada.get(GUILD)
    assert (again.status_code, again.headers["retry-after"]) == (503, "2")
    assert discord.calls[MINE] == 1
    # Another person has a budget of their own, unless it is all of Guildhall that is to wait.
    assert (await mallory.get(f"/v1/guilds/{QUARRY}")).status_code == (503 if everything else 200)
    now += 2
    assert await read(ada) == 200


async def test_a_person_with_two_hundred_guilds(browsers: Browsers, discord: Discord, bot: httpx.AsyncClient) -> None:
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


async def test_a_grant_that_was_taken_back_ends_the_session(
    browsers: Browsers, discord: Discord, clock: MovableClock
) -> None:
    ada = await browsers.log_in(ADA)
    assert await write(ada) == 200
    discord.take_back(ADA)
    clock.move(seconds=61)
    assert await write(ada) == 401
    assert (await read(ada), (await ada.get("/v1/me")).status_code) == (401, 401)


async def test_a_token_that_ends_is_renewed_once_whoever_notices(
    browsers: Browsers, discord: Discord, clock: MovableClock, owner: PlainConnection
) -> None:
    ada = await browsers.log_in(ADA)
    people = browsers.people
    one = people.grants
    assert one is not None
    # Another worker, as far as grants go: the same database, nothing shared in memory.
    other = Grants(one._database, one._clock, one._discord, one._sealer, one._sessions)
    session_id = await owner.fetchval("SELECT id FROM sessions")

    async def token(seen: str) -> str:
        return seen

    before = await one.using(session_id, token)
    clock.move(days=6, hours=23, minutes=59, seconds=30)
    await owner.execute("UPDATE sessions SET last_used_at = $1", clock.now())
    exchanged = discord.calls["/oauth2/token"]
    found = await asyncio.gather(*(grants.using(session_id, token) for _ in range(5) for grants in (one, other)))
    assert discord.calls["/oauth2/token"] == exchanged + 1
    assert set(found) == {discord.grants[0].access_token} != {before}
    assert await write(ada) == 200
    # And one that ends before its time.
    discord.expire(ADA)
    clock.move(seconds=61)
    assert await write(ada) == 200
    assert discord.calls["/oauth2/token"] == exchanged + 2


async def test_a_token_is_not_lost_when_renewing_fails(
    browsers: Browsers, discord: Discord, clock: MovableClock
) -> None:
    ada = await browsers.log_in(ADA)
    assert await write(ada) == 200
    discord.expire(ADA)
    clock.move(seconds=61)
    discord.fails("/oauth2/token", broken)
    assert await write(ada) == 503
    discord.faults.clear()
    clock.move(seconds=4)
    assert await write(ada) == 200


async def test_roles_let_in_who_does_not_manage(
    browsers: Browsers, discord: Discord, bot: httpx.AsyncClient, clock: MovableClock
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
    browsers: Browsers, discord: Discord, bot: httpx.AsyncClient, clock: MovableClock
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
    ada, people = await browsers.log_in(ADA), browsers.people
    assert people.access is not None
    session = await people.sessions.authenticate(ada.cookies["guildhall-session"])
    credential = await people.access.narrowed(session, {"user_id": str(ADA)}, write=True)
    assert (credential.user_id, credential.guild_ids) == (ADA, None)
    assert credential.scopes == {"users:export", "users:erase"}
    with pytest.raises(Exception, match="no such thing"):
        await people.access.narrowed(session, {"user_id": str(BO)}, write=False)


async def test_an_import_of_a_stranger_s_guild_is_not_found(
    browsers: Browsers, bot: httpx.AsyncClient, clients: Clients
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
