"""`POST …/members/{user_id}/xp`: XP by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.members.people import MORNING, Json, give, hide, leveling, member, profile
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, NOBODYS

XP = f"{member()}/xp"


async def adjust(bot: httpx2.AsyncClient, **body: int) -> Json:
    response = await bot.post(XP, json=body)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


async def log(bot: httpx2.AsyncClient) -> list[Json]:
    entries = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=member.xp_adjusted")).json()["items"]
    return [{"target": entry["target"], "reason": entry["reason"], **entry["changes"]["xp"]} for entry in entries]


async def test_it_makes_the_member(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    answer = await adjust(bot, amount=50)
    assert answer == {"member": await profile(bot), "level_up": None, "achievements_unlocked": []}
    assert answer["member"]["xp"] == 50
    seen = datetime.fromisoformat(answer["member"]["first_seen_at"])
    assert abs(seen - clock.now()) < timedelta(minutes=1)
    assert answer["member"]["last_active_at"] is None


@pytest.mark.parametrize(
    ("before", "body", "after"),
    [
        (100, {"amount": 50}, 150),
        (100, {"amount": -50}, 50),
        (100, {"amount": -101}, 0),
        (100, {"amount": -(2**53)}, 0),
        (100, {"amount": 2**53}, 2**53),
        (100, {"amount": 0}, 100),
        (100, {"set": 0}, 0),
        (100, {"set": 2**53}, 2**53),
        (0, {"amount": -5}, 0),
    ],
)
async def test_what_comes_of_it(bot: httpx2.AsyncClient, before: int, body: dict[str, int], after: int) -> None:
    await give(bot, ADA, before)
    assert (await adjust(bot, **body))["member"]["xp"] == after
    assert (await profile(bot))["xp"] == after


async def test_a_member_of_nothing_is_a_member(bot: httpx2.AsyncClient) -> None:
    await adjust(bot, amount=0)
    assert (await profile(bot)).items() >= {"xp": 0, "rank": 1, "member_count": 1}.items()
    assert await log(bot) == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/amount"}),
        ({"amount": 1, "set": 1}, {"/amount"}),
        ({"amount": None}, {"/amount"}),
        ({"amount": "1"}, {"/amount"}),
        ({"amount": 1.5}, {"/amount"}),
        ({"amount": True}, {"/amount"}),
        ({"amount": 2**53 + 1}, {"/amount"}),
        ({"amount": -(2**53) - 1}, {"/amount"}),
        ({"amount": 10**30}, {"/amount"}),
        ({"set": -1, "more": 1}, {"/set", "/more"}),
        ({"set": 2**53 + 1}, {"/set"}),
        ([], {""}),
    ],
)
async def test_bad_bodies(bot: httpx2.AsyncClient, body: object, pointers: set[str]) -> None:
    response = await bot.post(XP, json=body)
    assert response.status_code == 422, response.text
    assert {fault["pointer"] for fault in response.json()["errors"]} == pointers
    assert (await bot.get(member())).status_code == 404


async def test_a_level_up(bot: httpx2.AsyncClient) -> None:
    await leveling(
        bot,
        role_rewards=[{"level": 1, "role_id": "11"}, {"level": 2, "role_id": "22"}, {"level": 9, "role_id": "99"}],
        announce={"mode": "channel", "channel_id": "7", "template": "{mention}: {old_level} to {level} in {guild}"},
    )
    await give(bot, ADA, 120)
    assert (await adjust(bot, amount=200))["level_up"] == {
        "user_id": str(ADA),
        "username": None,
        "display_name": None,
        "avatar_url": None,
        "from_level": 1,
        "to_level": 2,
        "xp": 320,
        "role_rewards": {"add": ["22"], "remove": []},
        "announce": {"mode": "channel", "channel_id": "7", "text": f"<@{ADA}>: 1 to 2 in Harbour"},
    }
    assert (await adjust(bot, amount=1))["level_up"] is None
    assert (await adjust(bot, amount=-300))["level_up"] is None


async def test_the_audit_log(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 100)
    await bot.post(XP, json={"amount": -500}, headers={"X-Audit-Log-Reason": "spam"})
    await adjust(bot, amount=-500)
    await adjust(bot, set=0)
    target = str(ADA)
    assert await log(bot) == [
        {"target": target, "reason": "spam", "before": 100, "after": 0},
        {"target": target, "reason": None, "before": 0, "after": 100},
    ]


async def test_it_counts_where_it_was_given(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """With the true difference; in the guild's day, and in the hour of its clocks."""
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Asia/Kathmandu"})
    clock.put(clock.now().replace(hour=20, minute=30) + timedelta(days=1))  # 02:15 on the next day there
    today = clock.now().date() + timedelta(days=1)
    hour = clock.now().replace(minute=15, second=0, microsecond=0)
    await adjust(bot, amount=100)
    await adjust(bot, amount=-30)
    await adjust(bot, amount=-500)
    await adjust(bot, set=40)
    days = await owner.fetch("SELECT day, user_id, xp, earned_xp, messages FROM activity_days ORDER BY user_id")
    assert [tuple(row) for row in days] == [(today, user_id, 40, 0, 0) for user_id in (0, ADA)]
    hours = await owner.fetch("SELECT hour, user_id, xp FROM activity_hours ORDER BY user_id")
    assert [tuple(row) for row in hours] == [(hour, user_id, 40) for user_id in (0, ADA)]


async def test_twenty_at_once(bot: httpx2.AsyncClient) -> None:
    """None is lost, and the level is reached in one answer."""
    answers = await asyncio.gather(*(adjust(bot, amount=10) for _ in range(20)))
    assert (await profile(bot))["xp"] == 200
    assert sorted(answer["member"]["xp"] for answer in answers) == list(range(10, 201, 10))
    assert [answer["level_up"]["xp"] for answer in answers if answer["level_up"]] == [100]
    assert len(await log(bot)) == 20


async def test_many_members_at_once(bot: httpx2.AsyncClient) -> None:
    """The same people in two orders, neighbours in the counters: nobody waits for ever."""
    users = list(range(1, 13))
    await asyncio.gather(*(give(bot, user, 250 + user) for user in [*users, *reversed(users)]))
    ranks = [(await profile(bot, user))["rank"] for user in users]
    assert ranks == list(range(12, 0, -1))


async def test_hidden_people_get_xp_and_no_rank(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await hide(owner, BO)
    found = await give(bot, BO, 200)
    assert found["member"].items() >= {"xp": 200, "rank": None, "member_count": 0}.items()


async def test_first_seen_stays(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 5)
    await owner.execute("UPDATE members SET first_seen_at = NULL")  # imported: nobody knows
    assert (await adjust(bot, amount=1))["member"]["first_seen_at"] is None
    await owner.execute("UPDATE members SET first_seen_at = $1", MORNING.astimezone(UTC))
    assert (await adjust(bot, amount=1))["member"]["first_seen_at"] == "2026-11-22T08:00:00Z"


async def test_strangers_and_readers(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, reader: httpx2.AsyncClient, clients: Clients
) -> None:
    assert (await mallory.post(XP, json={"amount": 1})).status_code == 404
    assert (await reader.post(XP, json={"amount": 1})).status_code == 403
    assert (await bot.post(f"{member(ADA, NOBODYS)}/xp", json={"amount": 1})).status_code == 404
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    assert (await bot.post(XP, json={"amount": 1})).status_code == 404
