"""Awarded and revoked by hand, each safe to repeat."""

import asyncio

import httpx2

from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, define, draft, earned, event_types_of, keys, mine
from tests.activity.test_record import message, record
from tests.support.people import ADA, BO, HARBOUR, NOBODYS

OF_ADA = f"/v1/guilds/{HARBOUR}/members/{ADA}/achievements"
REASON = {"X-Audit-Log-Reason": "for%20the%20party"}


async def xp(bot: httpx2.AsyncClient, user_id: int = ADA) -> int:
    return int((await bot.get(f"/v1/guilds/{HARBOUR}/members/{user_id}")).json()["xp"])


async def test_how_it_looks(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1000, icon="💬", description="Write.\nA lot."), draft("plain", gte=1000))
    awarded = (await bot.put(f"{OF_ADA}/chatterbox")).json()
    assert (awarded["icon"], awarded["description"]) == ("💬", "Write.\nA lot.")
    seen = {key: (each["icon"], each["description"]) for key, each in (await mine(bot, ADA)).items()}
    assert seen == {"chatterbox": ("💬", "Write.\nA lot."), "plain": (None, None)}
    await bot.patch(f"{OF_HARBOUR}/chatterbox", json={"icon": "🎉", "description": None})
    await bot.delete(f"{OF_HARBOUR}/chatterbox")
    kept = (await mine(bot, ADA))["chatterbox"]
    assert (kept["icon"], kept["description"]) == ("🎉", None), "as its definition was last"


async def test_awarded_with_its_rewards_and_what_follows(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(
        bot,
        draft(gte=1000, rewards={"xp": 100, "role_id": "77"}),
        draft("next", stat="xp", gte=100, prerequisites=["chatterbox"], rewards={"xp": 50}),
        draft("other", stat="xp", gte=151),
    )
    answer = await bot.put(f"{OF_ADA}/chatterbox", headers=REASON)
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["achievement"], view["scope"], view["progress"]) == ("chatterbox", "guild", 0)
    assert view["rewards"] == {"xp": 100, "role_id": "77"}
    assert (keys(view), view["level_up"]["to_level"], view["level_up"]["xp"]) == (["next"], 1, 150)
    again = await bot.put(f"{OF_ADA}/chatterbox")
    assert (again.status_code, keys(again.json()), again.json()["level_up"]) == (200, [], None)
    assert again.json()["awarded_at"] == view["awarded_at"]
    assert await xp(bot) == 150
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard")).json()["items"][0]["rank"] == 1
    log = await owner.fetch("SELECT action, target, reason FROM audit_log WHERE action LIKE 'achievement.awarded'")
    assert [tuple(row) for row in log] == [("achievement.awarded", str(ADA), "for the party")]
    assert await event_types_of(owner, ADA) == ["achievement.unlocked", "achievement.unlocked", "member.level_up"]


async def test_revoked_it_stays_so_until_it_is_awarded_by_hand(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft(gte=1, rewards={"xp": 100}))
    await record(bot, message("1"))
    before = await xp(bot)
    assert (await bot.delete(f"{OF_ADA}/chatterbox", headers=REASON)).status_code == 204
    assert await xp(bot) == before - 100
    assert (await bot.delete(f"{OF_ADA}/chatterbox")).status_code == 404
    assert keys(await record(bot, message("2"))) == []
    assert await earned(bot, ADA) == set()
    assert (await bot.get(f"{OF_HARBOUR}/chatterbox")).json()["awarded_count"] == 0
    assert {"achievement.revoked", "member.level_changed"} <= set(await event_types_of(owner, ADA))
    assert (await bot.put(f"{OF_ADA}/chatterbox")).status_code == 201
    assert await earned(bot, ADA) == {"chatterbox"}
    assert (await bot.get(f"{OF_HARBOUR}/chatterbox")).json()["awarded_count"] == 1


async def test_the_reward_may_be_kept_and_is_given_once(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=99, rewards={"xp": 100}))
    await bot.put(f"{OF_ADA}/chatterbox")
    assert (await bot.delete(f"{OF_ADA}/chatterbox?keep_rewards=true")).status_code == 204
    assert await xp(bot) == 100
    assert (await bot.put(f"{OF_ADA}/chatterbox")).status_code == 201
    assert await xp(bot) == 100
    await bot.delete(f"{OF_ADA}/chatterbox")
    assert await xp(bot) == 0
    await bot.put(f"{OF_ADA}/chatterbox")
    assert await xp(bot) == 100


async def test_no_more_is_taken_back_than_there_is(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=99, rewards={"xp": 100}))
    await bot.put(f"{OF_ADA}/chatterbox")
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"set": 30})
    assert (await bot.delete(f"{OF_ADA}/chatterbox")).status_code == 204
    assert await xp(bot) == 0


async def test_raced_it_is_given_and_taken_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft(gte=99, rewards={"xp": 100}))
    given = await asyncio.gather(*(bot.put(f"{OF_ADA}/chatterbox") for _ in range(6)))
    assert sorted(answer.status_code for answer in given) == [200] * 5 + [201]
    assert await xp(bot) == 100
    taken = await asyncio.gather(*(bot.delete(f"{OF_ADA}/chatterbox") for _ in range(6)))
    assert sorted(answer.status_code for answer in taken) == [204] + [404] * 5
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action LIKE 'achievement.%ed'") == 3


async def test_one_of_every_guild_and_one_that_is_deleted(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1), at=OF_ALL)
    assert (await bot.put(f"{OF_ADA}/chatterbox")).json()["scope"] == "global"
    await bot.delete(f"{OF_ALL}/chatterbox")
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/members/{BO}/achievements/chatterbox")).status_code == 404
    # What Ada has may be taken away all the same.
    assert (await bot.delete(f"{OF_ADA}/chatterbox")).status_code == 204


async def test_who_may(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient
) -> None:
    await define(bot, draft(gte=9))
    for client, status in ((anonymous, 401), (mallory, 404)):
        assert (await client.put(f"{OF_ADA}/chatterbox")).status_code == status
        assert (await client.delete(f"{OF_ADA}/chatterbox")).status_code == status
    assert (await harbour_bot.put(f"{OF_ADA}/chatterbox")).status_code == 201
    assert (await bot.put(f"{OF_ADA}/nothing")).status_code == 404
    assert (await bot.delete(f"{OF_ADA}/chatterbox?keep_rewards=maybe")).status_code == 422
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/{BO}/achievements/chatterbox")).status_code == 404
    for path in (f"/v1/guilds/{NOBODYS}/members/{ADA}", f"/v1/guilds/{HARBOUR}/members/0"):
        assert (await bot.put(f"{path}/achievements/chatterbox")).status_code == 404
