"""`DELETE …/members/{user_id}`: what becomes of those who left."""

import asyncio
from datetime import date, timedelta

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.imports.files import counts, event, imported, lines
from tests.members.people import MORNING, give, hide, leveling, member, profile
from tests.members.rows import add_day, add_hour, add_stat
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY

DAY = date(2026, 11, 22)
STORED = ("members", "custom_stats", "activity_days", "activity_hours", "custom_stat_days")


async def leave(bot: httpx2.AsyncClient, user_id: int = ADA) -> int:
    """Gives the status."""
    return (await bot.delete(member(user_id))).status_code


async def two(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    await give(bot, BO, 200)


async def test_hide_takes_them_off_the_boards(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """As it is by default."""
    await two(bot)
    assert await leave(bot) == 204
    assert (await profile(bot)).items() >= {"xp": 300, "rank": None, "member_count": 1}.items()
    assert (await profile(bot, BO)).items() >= {"rank": 1, "member_count": 1}.items()
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_keep_keeps_them_there(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, on_leave="keep")
    await two(bot)
    assert await leave(bot) == 204
    assert (await profile(bot)).items() >= {"xp": 300, "rank": 1, "member_count": 2}.items()
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_reset_removes_all_of_them(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
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
async def test_once(bot: httpx2.AsyncClient, policy: str) -> None:
    await leveling(bot, on_leave=policy)
    await two(bot)
    statuses = await asyncio.gather(*(leave(bot) for _ in range(10)))
    assert sorted(statuses) == [204] + [404] * 9
    assert await leave(bot, 5) == 404
    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=member.left")).json()["items"]
    assert [entry["target"] for entry in log] == [str(ADA)]
    assert log[0]["changes"]["left_at"]["before"] is None


@pytest.mark.parametrize("policy", ["keep", "hide", "reset"])
async def test_while_xp_is_given(bot: httpx2.AsyncClient, policy: str) -> None:
    """Whoever comes first: nothing fails, and the counters are right (see the fixture)."""
    await leveling(bot, on_leave=policy)
    for _ in range(5):
        await two(bot)
        given = (bot.post(f"{member()}/xp", json={"amount": 300}) for _ in range(6))
        answers = await asyncio.gather(*given, bot.delete(member()), bot.delete(member(BO)))
        assert {answer.status_code for answer in answers} <= {200, 204, 404}


async def test_xp_by_hand_brings_nobody_back(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await two(bot)
    await leave(bot)
    assert (await give(bot, ADA, 900))["member"]["rank"] is None
    assert await owner.fetchval("SELECT left_at IS NOT NULL FROM members WHERE user_id = $1", ADA)


async def test_hidden_people_leave_too(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await two(bot)
    await hide(owner, ADA)
    assert await leave(bot) == 204
    assert (await profile(bot))["rank"] is None


async def test_who_may(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, reader: httpx2.AsyncClient) -> None:
    await two(bot)
    assert await leave(mallory) == 404
    assert await leave(reader) == 403
    assert (await profile(bot))["rank"] == 1


async def gone(bot: httpx2.AsyncClient) -> bool:
    """Whether Ada is no member, and on no board."""
    board = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard")).json()
    status = (await bot.get(member())).status_code
    assert status in (200, 404)
    assert (status == 200) == (str(ADA) in [row["user_id"] for row in board["items"]])
    return status == 404


async def reset(bot: httpx2.AsyncClient) -> None:
    """Ada wrote something in a guild that resets those who leave, and left."""
    await leveling(bot, on_leave="reset")
    await record(bot, message("1"), message("2", user=BO))
    assert await leave(bot) == 204


async def test_reset_is_not_undone_by_what_comes_late(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Events of the time before they left are taken, and counted for nobody; in other guilds they count."""
    await reset(bot)
    past = clock.now() - timedelta(hours=1)
    late = await record(bot, message("late", at=past), message("bo", user=BO))
    assert (late["accepted"], late["duplicates"], late["rejected"]) == (2, 0, []), "nobody can tell"
    assert await gone(bot)
    elsewhere = await bot.post(f"/v1/guilds/{QUARRY}/activity", json={"events": [message("late", at=past)]})
    assert elsewhere.status_code == 200
    assert (await profile(bot, ADA, QUARRY))["stats"]["messages"] == 1
    clock.move(minutes=1)
    await record(bot, message("late2", at=past), message("new", at=clock.now()), message("late3", at=past))
    assert (await profile(bot)).items() >= {"rank": 2, "member_count": 2}.items()
    assert (await profile(bot))["stats"]["messages"] == 1, "who comes back is counted from then on"


async def test_what_is_given_by_hand_after_a_reset_counts(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """It is of now, not of the time before."""
    await define(bot, draft(gte=1000))
    for give_something in ("xp", "award"):
        await reset(bot)
        if give_something == "xp":
            await give(bot, ADA, 70)
        else:
            awarded = await bot.put(f"{member()}/achievements/chatterbox", json={})
            assert awarded.status_code in (200, 201), awarded.text
        before = await profile(bot)
        await record(bot, message(f"late {give_something}", at=clock.now() - timedelta(hours=1)))
        assert await profile(bot) == before
        clock.move(minutes=1)


async def test_imports_after_a_reset(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Events as if they came late; standings, which have no time, are of when somebody asked for the import."""
    await reset(bot)
    old, new = (clock.now() + timedelta(minutes=minutes) for minutes in (-5, 2))
    assert (await imported(bot, "events", lines(event(1, old.isoformat()))))["counts"] == counts(1, 0, 1)
    assert await gone(bot)
    standing = f"user_id,xp\n{ADA},50\n".encode()
    clock.move(hours=-1)
    for source, file in (("csv", standing), ("polaris", {"users": {str(ADA): {"xp": 9}}})):
        assert (await imported(bot, source, file))["counts"] == counts(1, 0, 1), "asked for before they left"
        assert await gone(bot)
    clock.move(hours=1)
    assert (await imported(bot, "csv", standing))["counts"] == counts(1, 1, 0)
    assert (await profile(bot))["xp"] == 50
    assert (await imported(bot, "events", lines(event(2, new.isoformat()), event(3, old.isoformat()))))[
        "counts"
    ] == counts(2, 1, 1)


async def test_who_was_erased_and_then_left(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Leaving takes nothing from the tombstone of who was erased: no standing brings them back."""
    await leveling(bot, on_leave="reset")
    await bot.delete(f"/v1/users/{ADA}")
    clock.move(minutes=1)
    await record(bot, message("1", at=clock.now()))
    assert await leave(bot) == 204
    assert (await imported(bot, "csv", f"user_id,xp\n{ADA},50\n".encode()))["counts"] == counts(1, 0, 1)
    assert await gone(bot)


async def test_late_events_while_they_leave(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Whatever is on its way when somebody leaves, nothing of them is left once all are answered."""
    await reset(bot)
    past = clock.now() - timedelta(hours=1)
    clock.move(minutes=1)

    async def come_and_leave(number: int) -> None:
        await record(bot, message(f"new{number}", at=clock.now()), message(f"bo{number}", user=BO))
        assert await leave(bot) in (204, 404)

    async def send(number: int) -> None:
        events = [message(f"{number}-{place}", at=past, user=user) for place, user in enumerate((ADA, BO, ADA))]
        assert (await record(bot, *events))["accepted"] == 3

    for number in range(8):
        await asyncio.gather(come_and_leave(number), *(send(10 * number + each) for each in range(8)))
        clock.move(seconds=1)
        await leave(bot)
        await send(10 * number + 9)
        assert await gone(bot)
    assert (await profile(bot, BO))["stats"]["messages"] == 1 + 8 + 8 * 9
