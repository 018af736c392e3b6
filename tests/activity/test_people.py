"""Whose events these are: people who opted out, who are hidden, who left and came back."""

from uuid import UUID

import httpx2

from api.activity.event_keys import key_of
from api.postgres.engine import PlainConnection
from tests.activity.test_http import NOTHING, stored
from tests.activity.test_record import message, record
from tests.members.people import hide, leveling, member, profile
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO


async def test_opted_out(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Counted in the answer as others are; nothing is stored, not even the id."""
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    stat = {**message("2"), "type": "stat", "stat": "duels", "amount": 2}
    for _ in range(2):
        answer = await record(bot, message("1"), stat)
        assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (2, 0, [])
        assert await stored(owner) == NOTHING
    answer = await record(bot, message("1"), message("3", user=BO))
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert await owner.fetchval("SELECT array_agg(user_id) FROM members") == [BO]
    assert await owner.fetchval("SELECT array_agg(id) FROM activity_ids") == [UUID(key_of("3"))]
    assert await owner.fetchval("SELECT sum(messages) FROM activity_days WHERE user_id = 0") == 1
    assert (await bot.get(member(ADA))).status_code == 404
    await owner.execute("UPDATE privacy_choices SET opted_out_at = NULL")
    assert (await record(bot, message("1")))["accepted"] == 1
    assert (await profile(bot, ADA))["stats"]["messages"] == 1


async def test_opted_out_keeps_what_was_there(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, cooldown_seconds=0)
    await record(bot, message("1"))
    before, rows = await profile(bot, ADA), await stored(owner)
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    assert (await record(bot, message("2"), message("3")))["level_ups"] == []
    assert (await profile(bot, ADA), await stored(owner)) == (before, rows)


async def test_hidden_people_count_and_are_on_no_board(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await hide(owner, ADA)
    await record(bot, message("1"), message("2", user=BO))
    found = await profile(bot, ADA)
    assert (found["rank"], found["member_count"], found["stats"]["messages"]) == (None, 1, 1)
    assert (await profile(bot, BO))["rank"] == 1
    await record(bot, message("3"))
    assert (await profile(bot, ADA))["rank"] is None
    assert await owner.fetchval("SELECT count(*) FROM boards WHERE user_id = $1", ADA) == 0


async def test_coming_back(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    """By what they did since they left, and not by what comes late of the time before."""
    await leveling(bot, cooldown_seconds=0)
    before = clock.now()
    await record(bot, message("1"), message("2", user=BO))
    assert (await bot.delete(member(ADA))).status_code == 204
    clock.move(minutes=1)
    await record(bot, message("late", at=before))
    found = await profile(bot, ADA)
    assert (found["rank"], found["stats"]["messages"]) == (None, 2)
    await record(bot, message("back", at=clock.now()))
    found = await profile(bot, ADA)
    assert (found["rank"], found["member_count"], found["stats"]["messages"]) == (1, 2, 3)
    assert await owner.fetchval("SELECT left_at FROM members WHERE user_id = $1", ADA) is None
    assert (await bot.delete(member(ADA))).status_code == 204, "and may leave again"


async def test_who_is_hidden_comes_back_hidden(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    await record(bot, message("1"))
    await hide(owner, ADA)
    await bot.delete(member(ADA))
    clock.move(minutes=1)
    await record(bot, message("2", at=clock.now()))
    assert await owner.fetchval("SELECT left_at FROM members") is None
    found = await profile(bot, ADA)
    assert (found["rank"], found["member_count"]) == (None, 0)
    assert not await owner.fetchval("SELECT is_ranked FROM members")


async def test_coming_back_after_a_reset(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """From the beginning."""
    await leveling(bot, on_leave="reset", xp_per_message={"min": 10, "max": 10})
    await record(bot, message("1"))
    await bot.delete(member(ADA))
    assert (await bot.get(member(ADA))).status_code == 404
    clock.move(minutes=2)
    await record(bot, message("2", at=clock.now()))
    found = await profile(bot, ADA)
    assert (found["xp"], found["rank"], found["stats"]["messages"]) == (10, 1, 1)
