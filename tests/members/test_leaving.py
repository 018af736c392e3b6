"""`DELETE …/members/{user_id}`: what becomes of those who left."""

import asyncio
from datetime import date

import httpx
import pytest

from api.engine import PlainConnection
from tests.members.people import MORNING, give, hide, leveling, member, profile
from tests.members.rows import add_day, add_hour, add_stat
from tests.support.people import ADA, BO, HARBOUR, QUARRY

DAY = date(2026, 11, 22)
STORED = ("members", "custom_stats", "activity_days", "activity_hours", "custom_stat_days")


async def leave(bot: httpx.AsyncClient, user_id: int = ADA) -> int:
    """Gives the status."""
    return (await bot.delete(member(user_id))).status_code


async def two(bot: httpx.AsyncClient) -> None:
    await give(bot, ADA, 300)
    await give(bot, BO, 200)


async def test_hide_takes_them_off_the_boards(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    """As it is by default."""
    await two(bot)
    assert await leave(bot) == 204
    assert (await profile(bot)).items() >= {"xp": 300, "rank": None, "member_count": 1}.items()
    assert (await profile(bot, BO)).items() >= {"rank": 1, "member_count": 1}.items()
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_keep_keeps_them_there(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, on_leave="keep")
    await two(bot)
    assert await leave(bot) == 204
    assert (await profile(bot)).items() >= {"xp": 300, "rank": 1, "member_count": 2}.items()
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_reset_removes_all_of_them(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    """Of this member in this guild; the guild's totals and the audit log stay."""
    await leveling(bot, on_leave="reset")
    await two(bot)
    await give(bot, ADA, 50, QUARRY)
    for guild_id, user_id in ((HARBOUR, ADA), (HARBOUR, BO), (QUARRY, ADA), (HARBOUR, 0), (QUARRY, 0)):
        for day in (DAY, date(2014, 2, 28), date(2026, 12, 1)):
            await add_day(owner, day, user_id, guild_id, messages=3)
        await add_hour(owner, MORNING, user_id, guild_id, messages=3)
        if user_id:
            for stat in ("wins", "duels"):
                await add_stat(owner, DAY, stat, user_id, guild_id)
    others = {table: await _rows(owner, table, ADA) for table in STORED}

    assert await leave(bot) == 204

    assert (await bot.get(member())).status_code == 404
    assert (await bot.get(f"{member()}/activity")).status_code == 404
    assert {table: await _rows(owner, table, ADA) for table in STORED} == others
    for table in STORED:
        count = f"SELECT count(*) FROM {table} WHERE guild_id = $1 AND user_id = $2"
        assert await owner.fetchval(count, HARBOUR, ADA) == 0, table
    assert (await profile(bot, BO)).items() >= {"rank": 1, "member_count": 1}.items()
    assert (await profile(bot, ADA, QUARRY))["xp"] == 50
    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=member.left")).json()["items"]
    assert [entry["changes"]["xp"] for entry in log] == [{"before": 300, "after": None}]
    assert (await give(bot, ADA, 0))["member"].items() >= {"rank": 2, "member_count": 2, "custom_stats": {}}.items()


async def _rows(owner: PlainConnection, table: str, user_id: int) -> set[tuple[object, ...]]:
    """All rows but those of this member of Harbour."""
    rows = await owner.fetch(f"SELECT * FROM {table} WHERE guild_id <> $1 OR user_id <> $2", HARBOUR, user_id)
    assert rows
    return {tuple(row) for row in rows}


@pytest.mark.parametrize("policy", ["keep", "hide", "reset"])
async def test_once(bot: httpx.AsyncClient, policy: str) -> None:
    await leveling(bot, on_leave=policy)
    await two(bot)
    statuses = await asyncio.gather(*(leave(bot) for _ in range(10)))
    assert sorted(statuses) == [204] + [404] * 9
    assert await leave(bot, 5) == 404
    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=member.left")).json()["items"]
    assert [entry["target"] for entry in log] == [str(ADA)]
    assert log[0]["changes"]["left_at"]["before"] is None


@pytest.mark.parametrize("policy", ["keep", "hide", "reset"])
async def test_while_xp_is_given(bot: httpx.AsyncClient, policy: str) -> None:
    """Whoever comes first: nothing fails, and the counters are right (see the fixture)."""
    await leveling(bot, on_leave=policy)
    for _ in range(5):
        await two(bot)
        given = (bot.post(f"{member()}/xp", json={"amount": 300}) for _ in range(6))
        answers = await asyncio.gather(*given, bot.delete(member()), bot.delete(member(BO)))
        assert {answer.status_code for answer in answers} <= {200, 204, 404}


async def test_xp_by_hand_brings_nobody_back(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await two(bot)
    await leave(bot)
    assert (await give(bot, ADA, 900))["member"]["rank"] is None
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_hidden_people_leave_too(bot: httpx.AsyncClient, owner: PlainConnection) -> None:
    await two(bot)
    await hide(owner, ADA)
    assert await leave(bot) == 204
    assert (await profile(bot))["rank"] is None


async def test_who_may(bot: httpx.AsyncClient, mallory: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    await two(bot)
    assert await leave(mallory) == 404
    assert await leave(reader) == 403
    assert (await profile(bot))["rank"] == 1
