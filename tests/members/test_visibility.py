"""Who is hidden, or shown again: in all guilds at once, the counters of ranks with them."""

from datetime import UTC, datetime

import httpx2

from api.postgres.engine import PlainConnection
from tests.members.people import MORNING, give, hide, leveling, member, profile
from tests.support.people import ADA, BO, HARBOUR, QUARRY

EVENING = datetime(2026, 11, 22, 20, tzinfo=UTC)


async def test_in_all_guilds(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for guild_id in (HARBOUR, QUARRY):
        await give(bot, ADA, 300, guild_id)
        await give(bot, BO, 200, guild_id)
        await give(bot, 7, 2**53, guild_id)
    await hide(owner, ADA, 7, 99)
    for guild_id in (HARBOUR, QUARRY):
        assert (await profile(bot, BO, guild_id)).items() >= {"rank": 1, "member_count": 1}.items()
        assert (await profile(bot, ADA, guild_id))["rank"] is None
    await hide(owner, ADA, 99, at=None)
    for guild_id in (HARBOUR, QUARRY):
        assert (await profile(bot, BO, guild_id)).items() >= {"rank": 2, "member_count": 2}.items()


async def test_twice_is_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 300)
    await hide(owner, ADA, ADA)
    await hide(owner, ADA, at=EVENING)
    assert await owner.fetchval("SELECT hidden_at FROM privacy_choices") == MORNING
    await hide(owner, ADA, at=None)
    await hide(owner, ADA, at=None)
    assert (await profile(bot)).items() >= {"rank": 1, "member_count": 1}.items()
    await hide(owner, ADA, at=EVENING)
    assert await owner.fetchval("SELECT hidden_at FROM privacy_choices") == EVENING


async def test_who_left_stays_away(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Unless the guild keeps those who leave on its boards."""
    await leveling(bot, QUARRY, on_leave="keep")
    for guild_id in (HARBOUR, QUARRY):
        await give(bot, ADA, 300, guild_id)
        assert (await bot.delete(member(ADA, guild_id))).status_code == 204
    await hide(owner, ADA)
    await hide(owner, ADA, at=None)
    assert (await profile(bot, ADA, HARBOUR))["rank"] is None
    assert (await profile(bot, ADA, QUARRY))["rank"] == 1
