"""`user` of events: what members are called, as their events say."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.members.people import give, leveling, member, profile
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR

ACTIVITY = f"/v1/guilds/{HARBOUR}/activity"
AVATAR = "0123456789abcdef0123456789abcdef"
URL = f"https://cdn.discordapp.com/avatars/{ADA}/{AVATAR}.png"
USER = {"username": "ada", "display_name": "Ada", "avatar": AVATAR}

Json = dict[str, Any]  # Any: JSON


def named(id_: str, names: Json | None, **more: Any) -> Json:  # Any: what `message` takes
    return {**message(id_, **more), "user": names}


async def names(bot: httpx2.AsyncClient, user_id: int = ADA) -> tuple[str | None, str | None, str | None]:
    found = await profile(bot, user_id)
    return found["username"], found["display_name"], found["avatar_url"]


async def test_an_event_names_its_member(bot: httpx2.AsyncClient) -> None:
    await record(bot, named("1", USER), message("2", user=BO))
    assert await names(bot) == ("ada", "Ada", URL)
    assert await names(bot, BO) == (None, None, None)
    await record(bot, message("3"), named("4", None))
    assert await names(bot) == ("ada", "Ada", URL)
    await record(bot, named("5", {"username": "ada2"}))
    assert await names(bot) == ("ada2", "Ada", URL)
    await record(bot, named("6", {"display_name": None, "avatar": None}))
    assert await names(bot) == ("ada2", None, None)
    await record(bot, named("7", {"username": None}))
    assert await names(bot) == (None, None, None)


async def test_of_a_batch_the_last_event_in_true_order_counts(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    now = clock.now()
    events = [
        named("3", {"display_name": "third"}, at=now),
        named("1", {"display_name": "first", "username": "ada"}, at=now - timedelta(minutes=2)),
        named("2", {"display_name": "second"}, at=now),
    ]
    await record(bot, *events)
    assert await names(bot) == ("ada", "third", None)


async def test_a_late_event_brings_no_news(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    now = clock.now()
    await record(bot, named("1", {"username": "new"}, at=now))
    await record(bot, named("2", {"username": "old"}, at=now - timedelta(hours=1)))
    assert await names(bot) == ("new", None, None)
    await record(bot, named("3", {"username": "newer"}, at=now - timedelta(minutes=4)))
    assert await names(bot) == ("newer", None, None)
    await record(bot, message("4", user=BO))
    await record(bot, named("5", {"username": "bo"}, user=BO, at=now - timedelta(hours=1)))
    assert await names(bot, BO) == ("bo", None, None), "nothing was known of them"


async def test_an_event_that_counts_already_brings_nothing(bot: httpx2.AsyncClient) -> None:
    await record(bot, message("1"))
    await record(bot, named("1", USER))
    assert await names(bot) == (None, None, None)


@pytest.mark.parametrize(
    ("user", "kept"),
    [
        ({"username": "\u202eada\x00", "avatar": "x"}, ("ada", None, None)),
        ({"username": "\ud83d", "display_name": "A\udc00da"}, (None, "Ada", None)),
        ({"username": "  ", "display_name": "x" * 5000, "avatar": f"{AVATAR}\n"}, (None, "x" * 100, None)),
        ({}, (None, None, None)),
    ],
)
async def test_no_name_costs_an_event(
    user: Json, kept: tuple[str | None, ...], bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    events = json.dumps({"events": [named("1", user), message("2", user=BO)]})
    for path in (f"{ACTIVITY}/explain", ACTIVITY):
        response = await bot.post(path, content=events, headers={"content-type": "application/json"})
        assert response.status_code == 200, response.text
    assert response.json()["accepted"] == 2
    assert await names(bot) == kept
    assert await owner.fetchval("SELECT count(*) FROM member_names") == (1 if any(kept) else 0)


@pytest.mark.parametrize(
    ("user", "pointer"), [({"username": 5}, "/username"), ({"nick": "x"}, "/nick"), ("ada", ""), ([], "")]
)
async def test_what_is_malformed(user: object, pointer: str, bot: httpx2.AsyncClient) -> None:
    refused = await bot.post(ACTIVITY, json={"events": [message("1"), {**message("2"), "user": user}]})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [f"/events/1/user{pointer}"]


async def test_a_half_of_a_pair_in_an_id_is_unreadable(bot: httpx2.AsyncClient) -> None:
    events = json.dumps({"events": [{**message("1"), "id": "\ud83d"}]})
    response = await bot.post(ACTIVITY, content=events, headers={"content-type": "application/json"})
    assert response.status_code == 400


async def test_nothing_is_kept_of_those_who_opted_out(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await give(bot, ADA, 1)
    await bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": "public", "opt_out": True})
    assert (await record(bot, named("1", USER)))["accepted"] == 1
    assert await owner.fetchval("SELECT count(*) FROM member_names") == 0


async def test_who_was_erased_and_comes_back_is_named_again(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await record(bot, named("1", USER))
    await bot.delete(f"/v1/users/{ADA}")
    clock.move(minutes=1)
    await record(bot, named("2", USER, at=clock.now()))
    assert await names(bot) == ("ada", "Ada", URL)


async def test_a_name_by_hand_gives_way_to_the_next_event(bot: httpx2.AsyncClient) -> None:
    await record(bot, named("1", USER))
    await bot.patch(member(), json={"display_name": "by hand"})
    await record(bot, named("2", USER))
    assert await names(bot) == ("ada", "Ada", URL)


async def test_a_known_name_writes_nothing(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await record(bot, named("1", USER))
    written = await owner.fetchval("SELECT xmin::text FROM member_names")
    await record(bot, named("2", USER), named("3", {"username": "ada"}))
    assert await owner.fetchval("SELECT xmin::text FROM member_names") == written


async def test_answers_and_events_name_the_member(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, xp_per_message={"min": 200, "max": 200}, cooldown_seconds=0)
    await define(bot, draft(gte=2, rewards={"xp": 5}))
    expected = {"user_id": str(ADA), "username": "ada", "display_name": "Ada", "avatar_url": URL}
    first = await record(bot, named("1", USER))
    assert first["level_ups"][0].items() >= expected.items()
    second = await record(bot, message("2"))
    assert second["level_ups"][0].items() >= expected.items()
    assert second["achievements_unlocked"][0].items() >= expected.items()
    by_hand = await give(bot, ADA, 10_000)
    assert by_hand["member"].items() >= expected.items()
    assert by_hand["level_up"].items() >= expected.items()
    await give(bot, ADA, 0)
    await bot.delete(f"{member()}/achievements/chatterbox")
    await bot.delete(member())
    events = await owner.fetch(
        "SELECT type, data FROM outbox WHERE user_id = $1"
        " UNION ALL SELECT type, data FROM stream_events WHERE user_id = $1",
        ADA,
    )
    assert {event["type"] for event in events} == {
        "member.level_up", "achievement.unlocked", "member.level_changed", "achievement.revoked", "member.left",
    }  # fmt: skip
    for event in events:
        assert json.loads(event["data"]).items() >= expected.items(), event["type"]


async def test_boards_name_their_members(bot: httpx2.AsyncClient) -> None:
    await record(bot, named("1", USER), message("2", user=BO), message("3", user=BO))
    expected = {"user_id": str(ADA), "username": "ada", "display_name": "Ada", "avatar_url": URL}
    for query in ("", "?stat=messages", "?period=day", f"?around={ADA}", "?period=week&stat=messages"):
        board = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard{query}")).json()
        found = {each["user_id"]: each for each in board["items"]}
        assert found[str(ADA)].items() >= expected.items(), query
        assert (found[str(BO)]["username"], found[str(BO)]["avatar_url"]) == (None, None)
