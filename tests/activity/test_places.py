"""Threads, channels and categories: the most exact place that is listed decides."""

import asyncio
import time
from typing import Any

import httpx2

from api.postgres.engine import PlainConnection
from tests.activity.test_explain import explain
from tests.activity.test_record import Json, message, record
from tests.members.people import leveling, profile
from tests.support.people import ADA, BO, HARBOUR, QUARRY

TEN = {"min": 10, "max": 10}
CATEGORY, CHANNEL, THREAD, OTHER = "1", "2", "3", "4"


async def channels(bot: httpx2.AsyncClient, parents: dict[str, str | None], guild_id: int = HARBOUR) -> None:
    items = [{"id": id_, "name": id_, "parent_id": parent} for id_, parent in parents.items()]
    answer = await bot.put(f"/v1/guilds/{guild_id}/channels", json={"items": items})
    assert answer.status_code == 200, answer.text


async def earned(bot: httpx2.AsyncClient, id_: str, **where: Any) -> int:  # Any: channels' ids
    """The XP of a message there, as it is explained and as it is recorded."""
    event = message(id_, **where)
    explained: int = (await explain(bot, event))[0]["xp"]
    before = (await profile(bot, ADA))["xp"]
    await record(bot, event)
    assert (await profile(bot, ADA))["xp"] - before == explained
    return explained


async def test_by_the_list_of_channels_and_by_the_event(bot: httpx2.AsyncClient) -> None:
    await record(bot, message("first"))
    await channels(bot, {CATEGORY: None, CHANNEL: CATEGORY, THREAD: CHANNEL, OTHER: None})
    await channels(bot, {OTHER: CHANNEL}, QUARRY)
    await leveling(bot, xp_per_message=TEN, cooldown_seconds=0, ignored_channel_ids=[CATEGORY])
    assert await earned(bot, "a", channel_id=THREAD) == 0
    assert await earned(bot, "b", channel_id=CHANNEL) == 0
    assert await earned(bot, "c", channel_id="9", parent_id=CHANNEL) == 0, "a thread that is not listed yet"
    assert await earned(bot, "d", channel_id=OTHER, parent_id=None) == 10
    assert await earned(bot, "e", channel_id=THREAD, parent_id=OTHER) == 10, "the event knows it better"
    await leveling(bot, only_channel_ids=[CHANNEL])
    assert await earned(bot, "f", channel_id=THREAD) == 10
    assert await earned(bot, "g", channel_id=OTHER) == 0
    await channels(bot, {OTHER: CHANNEL})
    assert await earned(bot, "h", channel_id=OTHER) == 10, "replacing the channels counts at once"
    assert await earned(bot, "i", channel_id=THREAD) == 0


async def test_explain_says_which_place_decided(bot: httpx2.AsyncClient) -> None:
    await channels(bot, {CATEGORY: None, CHANNEL: CATEGORY, THREAD: CHANNEL})
    factors = [{"channel_id": CATEGORY, "factor": 2}]
    await leveling(bot, xp_per_message=TEN, ignored_channel_ids=[CHANNEL], channel_multipliers=factors)
    found = await explain(bot, message("1", channel_id=THREAD), message("2", user=BO, channel_id=CHANNEL))
    assert found[0]["multipliers"] == [{"of": f"channel:{CATEGORY}", "factor": 2}]
    assert [each["reason"] for each in found] == [
        "No XP is earned in the channel 2, in which 3 lies.",
        "No XP is earned in the channel 2.",
    ]
    await leveling(bot, ignored_channel_ids=[], only_channel_ids=[CATEGORY])
    found = await explain(bot, message("1", channel_id=THREAD), message("2", user=BO, channel_id="9", parent_id="8"))
    assert [each["reason"] for each in found] == [
        "10 times 2, rounded half up, is 20 XP. XP is earned there because it lies in 1.",
        "XP is earned only in certain channels, and 9 in 8 is none of them.",
    ]


async def test_what_another_process_replaces_counts_after_a_second(
    bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await channels(bot, {CHANNEL: None, THREAD: CHANNEL})
    await leveling(bot, xp_per_message=TEN, ignored_channel_ids=[CHANNEL])
    event: Json = message("1", channel_id=THREAD)
    assert (await explain(bot, event))[0]["xp"] == 0
    async with owner.transaction():  # as it writes them
        await owner.execute("UPDATE guild_channels SET parent_id = NULL WHERE guild_id = $1", HARBOUR)
        await owner.execute("UPDATE guilds SET channels_synced_at = now() WHERE id = $1", HARBOUR)
    ends = time.monotonic() + 30
    while (await explain(bot, event))[0]["xp"] == 0:
        assert time.monotonic() < ends
        await asyncio.sleep(0.1)
