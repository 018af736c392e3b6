"""`POST …/activity/explain`: what each event would earn, and why. Nothing is stored."""

from datetime import datetime, timedelta

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.activity.test_http import EXPLAIN, NOTHING, stored
from tests.activity.test_record import Json, message, record
from tests.members.people import give, leveling, profile
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR

TEN = {"min": 10, "max": 10}


def ago(clock: MovableClock, seconds: float) -> datetime:
    return clock.now() - timedelta(seconds=seconds)


async def explain(client: httpx2.AsyncClient, *events: Json) -> list[Json]:
    """The items, which are in the order of the request."""
    answer = await client.post(EXPLAIN, json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"items"}
    items: list[Json] = answer.json()["items"]
    assert [(each["index"], each["id"]) for each in items] == [(n, event["id"]) for n, event in enumerate(events)]
    assert all(each["reason"].endswith(".") for each in items)
    return items


def numbers(items: list[Json]) -> list[tuple[int, int | None, int | None]]:
    """XP, cooldown and cap of each."""
    return [(each["xp"], each["cooldown"], each["cap"]) for each in items]


async def test_an_item_explains_everything(bot: httpx2.AsyncClient) -> None:
    await leveling(
        bot, xp_per_message={"min": 15, "max": 15}, multiplier=2, daily_xp_cap=1000,
        channel_multipliers=[{"channel_id": "5", "factor": 1.5}], role_multipliers=[{"role_id": "7", "factor": 0.5}],
    )  # fmt: skip
    plain, multiplied = await explain(
        bot, message("1"), message("2", user=BO, channel_id="5", role_ids=["7", "8"]) | {"type": "message"}
    )
    assert plain == {
        "index": 0, "id": "1", "base": 15, "multipliers": [{"of": "guild", "factor": 2}], "multiplier": 2,
        "cooldown": 0, "cap": 1000, "xp": 30, "reason": "15 times 2, rounded half up, is 30 XP.",
    }  # fmt: skip
    assert multiplied == {
        "index": 1, "id": "2", "base": 15, "multiplier": 1.5, "cooldown": 0, "cap": 1000, "xp": 23,
        "multipliers": [
            {"of": "guild", "factor": 2}, {"of": "channel:5", "factor": 1.5}, {"of": "role:7", "factor": 0.5},
        ],
        "reason": "15 times 1.5, rounded half up, is 23 XP.",
    }  # fmt: skip


async def test_reasons(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    await leveling(
        bot, xp_per_message=TEN, xp_per_command=8, daily_xp_cap=15, ignored_channel_ids=["5"], ignored_role_ids=["7"],
        channel_multipliers=[{"channel_id": "6", "factor": 0}],
    )  # fmt: skip
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", 99)
    command = {"type": "command", "name": "rank"}
    cases = [
        (message("earned", at=ago(clock, 100)), 10, "10 times 1, rounded half up, is 10 XP"),
        (message("soon", at=ago(clock, 90)), 0, "cooldown of 60 s has 50 s to go"),
        (message("late", at=ago(clock, 100)) | {"id": "late"}, 0, "not later than the member's last message"),
        (message("cut", at=ago(clock, 80)) | command, 5, "cap of 15 XP left 5 XP"),
        (message("full", at=ago(clock, 70)) | command, 0, "cap of 15 XP left 0 XP"),
        (
            message("stat") | {"type": "stat", "stat": "wins", "amount": 3},
            0,
            "A custom stat is counted, but earns no XP",
        ),
        (message("ignored", channel_id="5"), 0, "No XP is earned in the channel 5"),
        (message("role", role_ids=["7"]), 0, "has a role whose holders earn no XP"),
        (message("rate") | {"type": "reaction"}, 0, "Events of this kind earn no XP"),
        (message("factor", user=BO, channel_id="6"), 0, "10 times 0 rounds to no XP"),
        (message("old", at=ago(clock, 8 * 86_400)), 0, "more than 7 days old"),
        (message("ahead", at=ago(clock, -400)), 0, "more than 5 minutes in the future"),
        (message("private", user=99), 0, "This person has opted out"),
        (message("earned", user=BO), 0, "An event with this id has already been counted"),
    ]
    late, earned = cases[2][0], cases[0][0]
    late["occurred_at"] = earned["occurred_at"]  # of two at the same moment the smaller id is the first
    items = await explain(bot, *(event for event, _, _ in cases))
    assert [each["xp"] for each in items] == [xp for _, xp, _ in cases]
    assert [(wanted, each["reason"]) for each, (_, _, wanted) in zip(items, cases, strict=True)
            if wanted not in each["reason"]] == []  # fmt: skip
    await leveling(bot, only_channel_ids=["8"])
    items = await explain(bot, message("1"), message("2", channel_id="9"), message("3", channel_id="8"))
    assert "and the event names no channel" in items[0]["reason"]
    assert "9 is none of them" in items[1]["reason"]
    assert [each["xp"] for each in items] == [0, 0, 10]
    await leveling(bot, enabled=False)
    assert (await explain(bot, message("1")))[0]["reason"] == "Leveling is switched off in this guild."
    assert await stored(owner) == NOTHING


async def test_events_of_one_request_follow_each_other(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """In their true order, whatever order they are listed in; each member for themselves."""
    await leveling(bot, xp_per_message=TEN, xp_per_voice_minute=6, daily_xp_cap=1000)
    cases = [
        (message("e", at=ago(clock, 70)), (10, 0, 974)),
        (message("b", at=ago(clock, 190)), (0, 60 - 10, 990)),
        (message("v", at=ago(clock, 100)) | {"type": "voice", "seconds": 60}, (6, None, 980)),
        (message("c", at=ago(clock, 140)), (10, 0, 990)),
        (message("a", at=ago(clock, 200)), (10, 0, 1000)),
        (message("x", user=BO, at=ago(clock, 199)), (10, 0, 1000)),
        (message("d", at=ago(clock, 139)), (0, 59, 980)),
    ]
    moments = ago(clock, 200)
    for event, _ in cases:  # whole seconds apart, to the microsecond
        behind = {"a": 0, "x": 1, "b": 10, "c": 60, "d": 61, "v": 100, "e": 130}[event["id"]]
        event["occurred_at"] = (moments + timedelta(seconds=behind)).isoformat()
    items = await explain(bot, *(event for event, _ in cases))
    assert numbers(items) == [expected for _, expected in cases]
    assert await explain(bot, *(event for event, _ in cases)) == items, "twice is the same"
    assert await stored(owner) == NOTHING
    await record(bot, *(event for event, _ in cases))
    assert (await profile(bot, ADA))["xp"] == sum(each["xp"] for each in items) - 10
    assert (await profile(bot, BO))["xp"] == 10


async def test_what_was_recorded_is_the_past(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    await leveling(bot, xp_per_message=TEN, daily_xp_cap=1000)
    now = clock.now()
    first = message("1", at=now)
    await record(bot, first, message("0", user=BO, at=now))
    await give(bot, ADA, 500)  # by hand: no concern of cooldown or cap
    before = await stored(owner)
    cases = [
        (first, (0, None, None)),
        (message("2", at=now + timedelta(seconds=10)), (0, 50, 990)),
        (message("3", at=now), (0, 60, 990)),
        (message("4", at=now + timedelta(seconds=60)), (10, 0, 990)),
        (message("5", user=3, at=now), (10, 0, 1000)),
    ]
    assert numbers(await explain(bot, *(event for event, _ in cases))) == [expected for _, expected in cases]
    await leveling(bot, cooldown_seconds=0)
    assert [each["xp"] for each in await explain(bot, *(event for event, _ in cases))] == [0, 10, 10, 10, 10]
    assert await stored(owner) == before


async def test_ids_that_come_twice(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """The first in the request counts, as it does when it is recorded; one that is rejected is none."""
    await leveling(bot, xp_per_message=TEN, cooldown_seconds=0)
    events = [
        message("a", at=ago(clock, 8 * 86_400)),
        message("a", at=ago(clock, 5), user=BO),
        message("a", at=ago(clock, 50)),
        message("b", at=ago(clock, 50)),
    ]
    items = await explain(bot, *events)
    assert [each["xp"] for each in items] == [0, 10, 0, 10]
    assert "An event with this id" in items[2]["reason"]
    answer = await record(bot, *events)
    assert (answer["accepted"], answer["duplicates"], len(answer["rejected"])) == (2, 1, 1)
    assert [(await profile(bot, user))["xp"] for user in (ADA, BO)] == [10, 10]
    assert [each["xp"] for each in await explain(bot, *events)] == [0, 0, 0, 0]


async def test_days_of_the_cap_are_the_guilds(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Noon in UTC is 2 in the morning of the next day in Kiritimati."""
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Pacific/Kiritimati"})
    await leveling(bot, xp_per_message=TEN, daily_xp_cap=15)
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    hours = (0, -1, -3, -4, -5)
    items = await explain(bot, *(message(str(hour), at=noon + timedelta(hours=hour)) for hour in hours))
    assert numbers(items) == [(5, 0, 5), (10, 0, 15), (0, 0, 0), (5, 0, 5), (10, 0, 15)]


async def test_a_thousand_events(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await leveling(bot, cooldown_seconds=0)
    items = await explain(bot, *(message(str(number), user=1 + number % 9) for number in range(1000)))
    assert all(15 <= each["xp"] <= 25 for each in items)
    assert await stored(owner) == NOTHING


@pytest.mark.parametrize("body", [{"events": []}, {}, {"events": [message("")]}])
async def test_what_is_invalid(bot: httpx2.AsyncClient, body: Json) -> None:
    assert (await bot.post(EXPLAIN, json=body)).status_code == 422
