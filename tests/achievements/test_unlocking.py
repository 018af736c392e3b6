"""Awarded as it is earned: in the transaction that moved the stat, once, rewards included."""

import asyncio
from datetime import timedelta

import httpx2
from litestar import Litestar

from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, Json, define, draft, earned, event_types_of, keys, mine
from tests.activity.test_record import PATH, message, record
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR
from tests.support.wiring import services_of

LEVELING = f"/v1/guilds/{HARBOUR}/settings/leveling"
FLAT = {"xp_per_message": {"min": 10, "max": 10}, "cooldown_seconds": 0}


def stat(id_: str, name: str, amount: int, user: int = ADA) -> Json:
    return {**message(id_, user), "type": "stat", "stat": name, "amount": amount}


async def test_it_is_published_once_with_its_rewards(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.patch(LEVELING, json=FLAT)
    await define(bot, draft(gte=2, rewards={"xp": 100, "role_id": "77"}))
    assert (await record(bot, message("1")))["achievements_unlocked"] == []
    answer = await record(bot, message("2", channel_id="5"))
    assert answer["achievements_unlocked"] == [
        {
            "user_id": str(ADA),
            "username": None,
            "display_name": None,
            "avatar_url": None,
            "achievement": "chatterbox",
            "rewards": {"xp": 100, "role_id": "77"},
        }
    ]
    # 20 XP of messages and 100 of the reward: one entry, from the level before to the level after.
    assert [(up["from_level"], up["to_level"], up["xp"]) for up in answer["level_ups"]] == [(0, 1, 120)]
    assert answer["level_ups"][0]["announce"]["channel_id"] == "5"
    for more in ("2", "3"):
        assert (await record(bot, message(more)))["achievements_unlocked"] == []
    member = (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).json()
    assert (member["xp"], member["rank"]) == (130, 1)
    day = (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}/activity")).json()["items"][-1]
    assert (day["messages"], day["xp"]) == (3, 130)
    assert await event_types_of(owner, ADA) == ["achievement.unlocked", "member.level_up"]


async def test_a_reward_unlocks_the_next(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.patch(LEVELING, json=FLAT)
    await define(
        bot,
        draft("last", stat="level", gte=2, prerequisites=[], rewards={"xp": 1000}),
        draft("first", gte=1, rewards={"xp": 245}),
        draft("after", stat="xp", gte=1, prerequisites=["last"]) | {"prerequisites": ["last"]},
        draft("far", stat="level", gte=50),
    )
    answer = await record(bot, message("1"), message("2", user=BO))
    unlocked = {(each["user_id"], each["achievement"]) for each in answer["achievements_unlocked"]}
    assert unlocked == {(str(user), key) for user in (ADA, BO) for key in ("first", "last", "after")}
    assert [(up["from_level"], up["to_level"], up["xp"]) for up in answer["level_ups"]] == [(0, 5, 1255)] * 2
    counts = await owner.fetch("SELECT awarded FROM achievement_counts ORDER BY 1")
    assert [row["awarded"] for row in counts] == [2, 2, 2]
    assert await owner.fetchval("SELECT sum(members) FROM xp_counts WHERE kept = 1") == 2


async def test_xp_never_passes_its_limit(bot: httpx2.AsyncClient) -> None:
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"set": 2**53 - 1})
    await define(bot, draft(gte=1, rewards={"xp": 2**53}))
    await record(bot, message("1"))
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).json()["xp"] == 2**53


async def test_xp_by_hand_unlocks_too(bot: httpx2.AsyncClient) -> None:
    await define(
        bot, draft("rich", stat="xp", gte=100, rewards={"xp": 60}), draft("higher", stat="level", gte=1), draft(gte=1)
    )
    answer = (await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"amount": 100})).json()
    assert sorted(keys(answer)) == ["higher", "rich"]
    assert (answer["member"]["xp"], answer["level_up"]["xp"]) == (160, 160)
    again = (await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"amount": 100})).json()
    assert (keys(again), again["member"]["xp"]) == ([], 260)


async def test_only_what_moved_is_evaluated(bot: httpx2.AsyncClient) -> None:
    await record(bot, *(message(str(number)) for number in range(5)))
    await define(bot, draft(gte=3), draft("reacting", stat="reactions", gte=1))
    assert await earned(bot, ADA) == set()
    # What Ada met before is hers when its own stat moves.
    reaction = {**message("r"), "type": "reaction"}
    assert keys(await record(bot, reaction)) == ["reacting"]
    assert keys(await record(bot, message("6"))) == ["chatterbox"]


async def test_trees_and_stats_of_ones_own(bot: httpx2.AsyncClient) -> None:
    tree = {"all": [{"stat": "messages", "gte": 2}, {"any": [{"stat": "duels", "gte": 3}, {"stat": "xp", "gte": 999}]}]}
    await define(bot, draft("tree", condition=tree), draft("duelist", stat="duels", gte=5))
    assert keys(await record(bot, message("1"), stat("2", "duels", 3))) == []
    before = (await mine(bot, ADA))["tree"]
    assert (before["progress"], [leaf["progress"] for leaf in before["leaves"]]) == (
        0.75,
        [0.5, 1.0, before["leaves"][2]["progress"]],
    )
    assert [(leaf["stat"], leaf["gte"], leaf["within"]) for leaf in before["leaves"]] == [
        ("messages", 2, None), ("duels", 3, None), ("xp", 999, None),
    ]  # fmt: skip
    assert keys(await record(bot, message("3"))) == ["tree"]
    assert (await mine(bot, ADA))["tree"]["progress"] == 1
    assert keys(await record(bot, stat("4", "duels", 1), stat("5", "other", 9))) == []
    assert keys(await record(bot, stat("6", "duels", 1))) == ["duelist"]


async def test_windows_of_days(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Pacific/Auckland"})
    await define(
        bot,
        draft("week", condition={"stat": "messages", "gte": 3, "within": "3d"}),
        draft("own", condition={"stat": "duels", "gte": 2, "within": "2d"}),
    )
    await record(bot, message("0", at=clock.now()), message("1", at=clock.now()), stat("2", "duels", 1))
    clock.move(days=3)
    # Those of three days ago are out of the window.
    answer = await record(
        bot, message("3", at=clock.now()), {**stat("4", "duels", 1), "occurred_at": clock.now().isoformat()}
    )
    assert keys(answer) == []
    item = (await mine(bot, ADA))["week"]
    assert (item["leaves"][0]["value"], item["leaves"][0]["within"]) == (1, "3d")
    clock.move(days=1)
    answer = await record(
        bot,
        message("5", at=clock.now()),
        message("6", at=clock.now() - timedelta(days=1)),
        {**stat("7", "duels", 1), "occurred_at": clock.now().isoformat()},
    )
    assert sorted(keys(answer)) == ["own", "week"]


async def test_streaks_also_of_days_that_come_late(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await define(bot, draft("regular", stat="streak", gte=3, rewards={"xp": 7}))
    now = clock.now()
    assert keys(await record(bot, message("1", at=now), message("2", at=now - timedelta(days=2)))) == []
    assert keys(await record(bot, message("3", at=now - timedelta(days=1)))) == ["regular"]
    member = (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).json()
    assert member["streak"] == {"current": 3, "best": 3}


async def test_hidden_ones_are_shown_for_those_who_have_them(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("secret", gte=2, hidden=True), draft(gte=9))
    await record(bot, message("1"), message("2", user=BO), message("3", user=BO))
    assert set(await mine(bot, ADA)) == {"chatterbox"}
    assert set(await mine(bot, BO)) == {"chatterbox", "secret"}


async def test_of_every_guild(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1), at=OF_ALL)
    assert keys(await record(bot, message("1"))) == ["chatterbox"]
    assert (await mine(bot, ADA))["chatterbox"]["scope"] == "global"


async def test_switched_off_nothing_is_awarded(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1))
    settings = f"/v1/guilds/{HARBOUR}/settings/achievements"
    await bot.patch(settings, json={"enabled": False})
    assert keys(await record(bot, message("1"))) == []
    await bot.patch(settings, json={"enabled": True})
    assert keys(await record(bot, message("2"))) == ["chatterbox"]


async def test_nobody_of_whom_nothing_is_known(bot: httpx2.AsyncClient) -> None:
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}/achievements")).status_code == 404


async def test_twenty_clients_bring_the_same_events(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft(gte=2, rewards={"xp": 100}), draft("one", gte=1))
    events = [message("1"), message("2"), message("3", user=BO)]
    answers = await asyncio.gather(*(bot.post(PATH, json={"events": events}) for _ in range(20)))
    unlocked = sorted(key for answer in answers for key in keys(answer.json()))
    assert unlocked == ["chatterbox", "one", "one"]
    assert await owner.fetchval("SELECT count(*) FROM achievement_awards") == 3
    assert (await event_types_of(owner, ADA, BO)).count("achievement.unlocked") == 3
    ups = [up for answer in answers for up in answer.json()["level_ups"]]
    assert [up["user_id"] for up in ups] == [str(ADA)]


async def test_who_comes_back_after_being_forgotten_earns_anew(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.patch(LEVELING, json={"on_leave": "reset"})
    await define(bot, draft(gte=1))
    await record(bot, message("1"))
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 204
    assert await owner.fetchval("SELECT count(*) FROM achievement_awards") == 0
    assert await owner.fetchval("SELECT sum(awarded) FROM achievement_counts") == 0
    assert await owner.fetchval("SELECT count(*) FROM member_counts") == 0
    assert keys(await record(bot, message("2"))) == ["chatterbox"]


async def test_a_stat_that_falls_is_judged_at_its_height(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("high", stat="gold", gte=10))
    assert keys(await record(bot, stat("1", "gold", 10), stat("2", "gold", -5))) == ["high"]


async def test_the_list_of_achievements_has_what_they_need(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1))
    await record(bot, message("1"))
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{BO}/xp", json={"amount": 1})
    item = (await bot.get(OF_HARBOUR)).json()["items"][0]
    assert (item["awarded_count"], item["rarity"]) == (1, 0.5)


async def test_many_rewards_at_once(bot: httpx2.AsyncClient, litestar_app: Litestar) -> None:
    """What members share is stored twice, with the events and with the rewards: transactions at the same moment
    must not wait for each other."""
    await bot.patch(LEVELING, json=FLAT)
    for number in range(1, 121):
        await bot.post(f"/v1/guilds/{HARBOUR}/members/{number}/xp", json={"set": 17 * number})
    await define(bot, *(draft(f"nr-{gte}", gte=gte, rewards={"xp": 150}) for gte in range(1, 6)))
    rollbacks = services_of(litestar_app).database.rollbacks
    awarded = 0
    for turn in range(5):
        posted = [bot.post(PATH, json={"events": [message(f"{turn}-{number}", number)]}) for number in range(1, 121)]
        for answer in await asyncio.gather(*posted):
            assert answer.json()["accepted"] == 1
            awarded += len(answer.json()["achievements_unlocked"])
    assert awarded == 5 * 120
    assert services_of(litestar_app).database.rollbacks == rollbacks
    board = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard?limit=1")).json()
    assert (board["member_count"], board["items"][0]["value"]) == (120, 17 * 120 + 5 * 160)


async def test_what_the_request_itself_adds_counts(bot: httpx2.AsyncClient) -> None:
    """By stats and days that a member's row does not have: some stored before, some by this very request."""
    await define(bot, draft("duelist", condition={"stat": "duels_won", "gte": 5}, rewards={"xp": 7}))
    await define(bot, draft("busy-week", condition={"stat": "messages", "gte": 3, "within": "7d"}, rewards={"xp": 9}))
    await define(bot, draft("brave-week", condition={"stat": "duels_won", "gte": 5, "within": "7d"}))
    first = await record(bot, stat("1", "duels_won", 2), message("2"), stat("3", "duels_won", 2, BO))
    assert first["achievements_unlocked"] == []
    second = await record(bot, stat("4", "duels_won", 3), message("5"), message("6"), stat("7", "duels_won", 2, BO))
    unlocked = {(each["user_id"], each["achievement"]) for each in second["achievements_unlocked"]}
    assert unlocked == {(str(ADA), each) for each in ("duelist", "busy-week", "brave-week")}
