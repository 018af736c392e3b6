"""The batcher: nothing is lost, nothing counts twice, and it never grows without bound."""

import asyncio

import httpx2

from guildhall_client import Activity, Batcher, Guildhall
from tests.clients.transports import FaultyTransport
from tests.members.people import leveling
from tests.support.people import ADA, BO, HARBOUR, NOBODYS, QUARRY


async def messages(guildhall: Guildhall, user_id: int = ADA, guild_id: int = HARBOUR) -> int:
    member = await guildhall.member(guild_id, user_id)
    return 0 if member is None else member.stats.messages


async def test_two_guilds(guildhall: Guildhall, bot: httpx2.AsyncClient, transport: FaultyTransport) -> None:
    await leveling(bot, xp_per_message={"min": 200, "max": 200}, cooldown_seconds=0)
    results: list[tuple[str, Activity]] = []

    async def answered(guild_id: str, answer: Activity) -> None:
        results.append((guild_id, answer))

    async with Batcher(guildhall, answered, every=30) as batcher:
        for number in range(3):
            batcher.add(HARBOUR, "message", ADA, id=number, channel_id="5")
        batcher.add(QUARRY, "voice", BO, seconds=60)
        assert len(batcher) == 4
        await batcher.flush()
        assert len(batcher) == 0
    assert [(guild_id, answer.accepted) for guild_id, answer in results] == [(str(HARBOUR), 3), (str(QUARRY), 1)]
    assert [level.to_level for level in results[0][1].level_ups] == [3]
    assert (await messages(guildhall), len([each for each in transport.sent if each.method == "POST"])) == (3, 2)


async def test_a_full_batch_goes_at_once(guildhall: Guildhall) -> None:
    async with Batcher(guildhall, every=30, at_once=10) as batcher:
        for number in range(25):
            batcher.add(HARBOUR, "message", ADA, id=number)
        async with asyncio.timeout(5):
            while len(batcher) >= 10:  # noqa: ASYNC110 - the rest stays, and nobody tells
                await asyncio.sleep(0.01)
    assert await messages(guildhall) == 25


async def test_the_server_restarts(guildhall: Guildhall, transport: FaultyTransport) -> None:
    """It is away, stops, and takes events without saying so: each counts once."""
    guildhall.requests.patience = 0.2
    transport.faults = ["away", "stopping", "lost", "away"]
    async with Batcher(guildhall, every=0.02) as batcher:
        for number in range(50):
            batcher.add(HARBOUR, "message", ADA, id=number)
            await asyncio.sleep(0.01)
        await batcher.flush()
        assert (len(batcher), batcher.dropped) == (0, 0)
    assert transport.faults == []
    assert await messages(guildhall) == 50


async def test_what_is_kept_is_bounded(guildhall: Guildhall, transport: FaultyTransport) -> None:
    guildhall.requests.patience = 0.05
    transport.faults = ["away"] * 100
    batcher = Batcher(guildhall, every=0.02, most=20)
    async with batcher:
        for number in range(50):
            batcher.add(HARBOUR, "message", ADA, id=number)
        assert (len(batcher), batcher.dropped) == (20, 30)
        assert await batcher.close(timeout=0.1) == 20
    transport.faults = []
    async with batcher:
        await batcher.flush()
    assert await messages(guildhall) == 20, "the newest"


async def test_what_is_refused_harms_nothing_else(guildhall: Guildhall) -> None:
    async with Batcher(guildhall, every=30) as batcher:
        batcher.add(NOBODYS, "message", ADA)
        batcher.add(HARBOUR, "message", ADA)
        batcher.add(HARBOUR, "voice", ADA, seconds="many")
        batcher.add(HARBOUR, "message", ADA)
        await batcher.flush()
        assert (len(batcher), batcher.dropped) == (0, 2)
    assert await messages(guildhall) == 2


async def test_a_callback_that_fails_stops_nothing(guildhall: Guildhall) -> None:
    async def fails(_guild_id: str, _answer: Activity) -> None:
        raise ValueError("a bug in the bot")

    async with Batcher(guildhall, fails, every=30) as batcher:
        for guild_id in (HARBOUR, QUARRY):
            batcher.add(guild_id, "message", ADA)
        await batcher.flush()
    assert await messages(guildhall, guild_id=QUARRY) == 1
