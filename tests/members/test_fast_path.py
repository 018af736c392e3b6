"""Profiles around the framework: what goes that way, and that both ways answer the same."""

import asyncio

import httpx2
import pytest
from litestar import Litestar

from api.auth.scopes import Scope
from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.members.people import give, hide, member, profile
from tests.support.both_ways import BothWays
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, NOBODYS, QUARRY


@pytest.fixture
async def both_ways(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar, settings: Settings, clients: Clients
) -> BothWays:
    """Of a key that reads Harbour's members, where Ada has XP and Bo is hidden."""
    await give(bot, ADA, 300)
    await give(bot, BO, 400)
    await hide(owner, BO)
    made = BothWays(litestar_app, settings, await clients.key(scopes=[Scope.MEMBERS_READ], guilds=[HARBOUR]))
    await made.get(member())  # now all is in memory
    return made


async def test_plain(both_ways: BothWays) -> None:
    found = await both_ways.get(member())
    assert found.is_fast
    assert found.fast.status_code == 200
    assert found.fast.json()["rank"] == 1
    assert (await both_ways.get(member(), method="HEAD")).is_fast


async def test_entity_tags(both_ways: BothWays) -> None:
    tag = (await both_ways.get(member())).fast.headers["etag"]
    for known, status in ((tag, 304), (f"W/{tag}", 304), ('"another"', 200)):
        found = await both_ways.get(member(), [("If-None-Match", known)])
        assert found.is_fast
        assert found.fast.status_code == status
    for known, status in ((f'"another", {tag}', 304), ("*", 304), ("plain", 400)):
        found = await both_ways.get(member(), [("If-None-Match", known)])
        assert not found.is_fast
        assert found.fast.status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (member(BO), 404),  # hidden
        (member(7), 404),
        (member("007"), 404),
        (member(2**63), 404),
        (member(guild_id=QUARRY), 404),
        (member(guild_id=NOBODYS), 404),
        (f"{member()}?at=now", 422),
        (f"{member()}/", 200),
    ],
)
async def test_the_ordinary_way(both_ways: BothWays, path: str, status: int) -> None:
    found = await both_ways.get(path)
    assert not found.is_fast
    assert found.fast.status_code == status


async def test_unusual_headers(both_ways: BothWays) -> None:
    for headers in (
        [("Accept", "application/vnd.msgpack")],
        [("If-None-Match", '"a"'), ("If-None-Match", '"b"')],
        [("Authorization", "Bearer gh_another")],
    ):
        assert not (await both_ways.get(member(), headers)).is_fast


async def test_other_keys(litestar_app: Litestar, settings: Settings, clients: Clients, both_ways: BothWays) -> None:
    elsewhere = BothWays(litestar_app, settings, await clients.key(scopes=[Scope.SETTINGS_READ]))
    for _ in range(2):
        found = await elsewhere.get(member())
        assert (found.is_fast, found.fast.status_code) == (False, 403)
    assert (await BothWays(litestar_app, settings, "gh_none").get(member())).fast.status_code == 401


async def test_who_waits_gets_the_newest_state(bot: httpx2.AsyncClient) -> None:
    """Many at once, of several guilds, each about themselves; a change before a read is in it."""
    guilds = {user: (HARBOUR, QUARRY)[user % 2] for user in range(1, 41)}
    for user, guild in guilds.items():
        await give(bot, user, user * 10, guild)
    users = [*guilds] * 3
    found = await asyncio.gather(*(profile(bot, user, guilds[user]) for user in users))
    assert [(each["user_id"], each["xp"]) for each in found] == [(str(user), user * 10) for user in users]
    assert {each["rank"] for each in found} == set(range(1, 21))

    async def change(user: int) -> None:
        for xp in range(10):
            await give(bot, user, xp)
            assert (await profile(bot, user))["xp"] == xp

    await asyncio.gather(*(change(user) for user in range(2, 20, 2)))
