"""`GET …/members/{user_id}`: XP, level, exact rank, stats, streak."""

import random
from datetime import date, timedelta

import httpx2
import pytest

from api.auth.scopes import Scope
from api.postgres.engine import PlainConnection
from tests.members.people import MORNING, give, hide, leveling, member, profile
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, NOBODYS, QUARRY


async def test_a_new_member(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    found = await profile(bot)
    assert found.pop("first_seen_at").endswith("Z")
    assert found == {
        "guild_id": str(HARBOUR),
        "user_id": str(ADA),
        "username": None,
        "display_name": None,
        "avatar_url": None,
        "xp": 300,
        "level": 2,
        "level_xp": 255,
        "next_level_xp": 475,
        "rank": 1,
        "member_count": 1,
        "stats": {"messages": 0, "voice_seconds": 0, "reactions": 0, "commands": 0},
        "custom_stats": {},
        "streak": {"current": 0, "best": 0},
        "last_active_at": None,
    }


async def test_all_that_is_stored(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 300)
    await owner.execute(
        "UPDATE members SET messages = 1, voice_seconds = 2, reactions = 3, commands = 4,"
        " first_seen_at = $1::timestamptz, last_active_at = $1 + interval '1 hour'",
        MORNING,
    )
    await owner.execute(
        "INSERT INTO boards SELECT $1::bigint, stat, stat, $2::bigint FROM generate_series(1, 4) AS stat", HARBOUR, ADA
    )
    await owner.execute(
        "INSERT INTO custom_stats (guild_id, user_id, stat, value) VALUES"
        " ($1, $2, 'wins', 7), ($1, $2, 'duels', -9007199254740993), ($1, $3, 'wins', 1), ($4, $2, 'wins', 2)",
        HARBOUR, ADA, BO, QUARRY,
    )  # fmt: skip
    found = await profile(bot)
    assert found["stats"] == {"messages": 1, "voice_seconds": 2, "reactions": 3, "commands": 4}
    assert found["custom_stats"] == {"duels": -9007199254740993, "wins": 7}
    assert found["first_seen_at"] == "2026-11-22T08:00:00Z"
    assert found["last_active_at"] == "2026-11-22T09:00:00Z"


async def test_nobody_of_that_name(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    assert (await bot.get(member(BO))).status_code == 404
    assert (await bot.get(member(ADA, QUARRY))).status_code == 404
    assert (await bot.get(member(ADA, NOBODYS))).status_code == 404
    assert (await mallory.get(member())).status_code == 404


async def test_who_may_read(bot: httpx2.AsyncClient, clients: Clients, reader: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    assert (await profile(reader))["rank"] == 1
    async with await clients.bot(scopes=[Scope.MEMBERS_WRITE]) as writer:
        assert (await writer.get(member())).status_code == 403


async def test_at_the_top(bot: httpx2.AsyncClient) -> None:
    await leveling(bot, max_level=3)
    await give(bot, ADA, 2**53)
    assert (await profile(bot)).items() >= {"level": 3, "level_xp": 475, "next_level_xp": None, "xp": 2**53}.items()


async def test_a_new_curve_changes_levels_and_no_xp(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    before = await profile(bot)
    await leveling(bot, curve={"kind": "table", "thresholds": [10, 20, 30, 300, 301]})
    assert await profile(bot) == before | {"level": 4, "level_xp": 300, "next_level_xp": 301}


async def test_an_entity_tag(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    first = await bot.get(member())
    headers = {"If-None-Match": first.headers["etag"]}
    again = await bot.get(member(), headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    await give(bot, BO, 400)
    changed = await bot.get(member(), headers=headers)
    assert (changed.status_code, changed.json()["rank"]) == (200, 2)


async def test_ranks_are_exact(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Over all magnitudes, with neighbours and ties."""
    chance = random.Random(1)  # noqa: S311 # no secret
    values = [0, 0, 1, 1, 2, 3, 127, 128, 129, 255, 256, 256, 257, 511, 512, 513, 2**53, 2**53, 2**53 - 1, 2**52]
    values += [max(2**power + chance.randint(-3, 3), 0) for power in range(0, 53, 3) for _ in range(2)]
    values += [chance.randint(1000, 1015) for _ in range(30)] + [chance.randint(0, 2**14) for _ in range(30)]
    for user_id, xp in enumerate(values, start=1):
        await give(bot, user_id, xp)
    await give(bot, 1, 5000, QUARRY)
    for user_id, xp in enumerate(values, start=1):
        found = await profile(bot, user_id)
        assert found["rank"] == 1 + sum(other > xp for other in values), xp
        assert found["member_count"] == len(values)


@pytest.mark.parametrize(
    ("days_ago", "current"), [(0, 3), (1, 3), (2, 0), (30, 0)], ids=["today", "yesterday", "missed", "long ago"]
)
async def test_a_streak_ends_when_yesterday_was_missed(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, days_ago: int, current: int
) -> None:
    await give(bot, ADA, 300)
    last = clock.now().date() - timedelta(days=days_ago)
    await _streak(owner, last)
    assert (await profile(bot))["streak"] == {"current": current, "best": 5}


async def test_a_streak_goes_by_the_guilds_days(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """It is the 20th at 11:00 UTC: in Kiritimati it is 01:00 on the 21st."""
    clock.put(clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1))
    today = clock.now().date()
    await give(bot, ADA, 300)
    await _streak(owner, today - timedelta(days=1))
    assert (await profile(bot))["streak"]["current"] == 3
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Pacific/Kiritimati"})
    assert (await profile(bot))["streak"]["current"] == 0


async def _streak(owner: PlainConnection, last: date) -> None:
    await owner.execute("UPDATE members SET streak_from = $1::date - 2, streak_to = $1, streak_best = 5", last)


async def test_hidden_people_are_seen_by_their_bot_alone(
    bot: httpx2.AsyncClient, reader: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await give(bot, ADA, 300)
    await give(bot, BO, 200)
    await hide(owner, ADA)
    assert (await reader.get(member())).status_code == 404
    assert (await profile(bot)).items() >= {"xp": 300, "rank": None, "member_count": 1}.items()
    assert (await profile(reader, BO)).items() >= {"rank": 1, "member_count": 1}.items()
    await hide(owner, ADA, at=None)
    assert (await profile(reader)).items() >= {"rank": 1, "member_count": 2}.items()


async def test_msgpack(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    response = await bot.get(member(), headers={"Accept": "application/vnd.msgpack"})
    assert response.headers["content-type"] == "application/vnd.msgpack"
