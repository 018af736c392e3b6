"""What events make of a member, in whatever way they are delivered."""

import asyncio
import random
from datetime import datetime, timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.driver import Json, Served, expected, law, set_time
from tests.properties.model import Guild, ranking
from tests.properties.strategies import (
    AUTUMN,
    FACTORS,
    SPRING,
    USERS,
    ZONES,
    capped,
    everyones_first,
    histories,
    levelings,
    multiplied,
    splits,
)
from tests.support.clock import MovableClock


@pytest.mark.parametrize("now", [SPRING, AUTUMN], ids=["spring", "autumn"])
@law(15)
@given(data=st.data(), settings=levelings(), zone=st.sampled_from(ZONES))
async def test_any_split_in_true_order_gives_one_standing(
    bot: httpx2.AsyncClient, clock: MovableClock, now: datetime, data: st.DataObject, settings: Json, zone: str
) -> None:
    set_time(clock, now)
    events = data.draw(histories(now=now))
    ways = [data.draw(splits(events)) for _ in range(2)]
    guilds = [await Served.new(bot, settings, zone) for _ in ways]
    # Both at once: requests of two guilds may share a transaction, and must not notice.
    answers = await asyncio.gather(*(guild.send_all(way) for guild, way in zip(guilds, ways, strict=True)))
    for guild, way, answered in zip(guilds, ways, answers, strict=True):
        model = Guild(settings, zone)
        assert answered == [model.send(request, now) for request in way]
        assert await guild.standings(model.members) == expected(model, now)


@law(12)
@given(data=st.data(), settings=levelings(), zone=st.sampled_from(ZONES))
async def test_sending_again_changes_nothing(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    set_time(clock, SPRING)
    events = data.draw(histories())
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    sent: list[Json] = []
    for request in data.draw(splits(events)):
        sent += request
        again = data.draw(st.lists(st.sampled_from(sent), max_size=len(sent)))
        mixed = data.draw(st.permutations(request + again))
        assert await guild.send(mixed) == model.send(mixed, SPRING)
    before = await guild.standings(model.members)
    assert before == expected(model, SPRING)
    for resent in (sent, data.draw(st.permutations(sent * 2))):
        answer = await guild.send(resent)
        assert (answer.accepted, answer.duplicates) == (0, len(resent))
        assert (answer.rejected, answer.level_ups) == ([], {})
    assert await guild.standings(model.members) == before


@law(9)
@given(data=st.data(), settings=levelings(), zone=st.sampled_from(ZONES))
async def test_too_old_and_too_new_are_left_out_and_the_rest_counts(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    set_time(clock, SPRING)
    events = data.draw(histories(size=8))
    strays = [
        {**event, "id": f"stray-{event['id']}", "occurred_at": (SPRING + off).isoformat()}
        for event in data.draw(st.lists(st.sampled_from(events), max_size=4, unique_by=lambda event: str(event["id"])))
        for off in [data.draw(st.sampled_from([timedelta(days=-8), timedelta(days=-900), timedelta(minutes=7)]))]
    ]
    request = data.draw(st.permutations(events + strays))
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    assert await guild.send(request) == model.send(request, SPRING)
    assert await guild.standings(model.members) == expected(model, SPRING)


@law(12)
@given(data=st.data(), settings=levelings(ranges=True), zone=st.sampled_from(ZONES))
async def test_others_change_nothing(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    """The XP of an event hangs on the event, its member's past and the settings: not on the guild,
    nor on who else is there."""
    set_time(clock, SPRING)
    events = data.draw(histories(users=4))
    crowded = await Served.new(bot, settings, zone)
    await crowded.send_all(data.draw(splits(events)))
    by_user = {user: [event for event in events if event["user_id"] == str(user)] for user in USERS}
    by_user = {user: own for user, own in by_user.items() if own}
    alone = [await Served.new(bot, settings, zone) for _ in by_user]
    ways = [data.draw(splits(own)) for own in by_user.values()]
    await asyncio.gather(*(guild.send_all(way) for guild, way in zip(alone, ways, strict=True)))
    together = await crowded.standings(by_user)
    for guild, user in zip(alone, by_user, strict=True):
        ours = (await guild.standings([user]))[user]
        assert {**ours, "rank": 1, "member_count": 1} == {**together[user], "rank": 1, "member_count": 1}


@law(12)
@given(data=st.data(), settings=levelings(ranges=True), zone=st.sampled_from(ZONES))
async def test_explain_predicts_what_recording_does(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    """In any order of listing; and from what it says was drawn, the model comes to the same."""
    set_time(clock, SPRING)
    guild, bounds = await Served.new(bot, settings, zone), settings["xp_per_message"]
    drawn: dict[str, int] = {}
    model = Guild(settings, zone, lambda id_, _low, _high: drawn[id_])
    for request in data.draw(splits(data.draw(histories()))):
        views = (await guild.ask("POST", "/activity/explain", json={"events": request}))["items"]
        assert [(item["index"], item["id"]) for item in views] == [
            (index, event["id"]) for index, event in enumerate(request)
        ]
        for item, event in zip(views, request, strict=True):
            if event["type"] == "message":
                drawn[event["id"]] = item["base"]
                # Where no XP is earned at all, nothing is drawn.
                assert bounds["min"] <= item["base"] <= bounds["max"] or (item["base"], item["xp"]) == (0, 0)
        before = {user: member.xp for user, member in model.members.items()}
        assert await guild.send(request) == model.send(request, SPRING)
        for user, member in model.members.items():
            explained = sum(
                item["xp"] for item, event in zip(views, request, strict=True) if event["user_id"] == str(user)
            )
            assert explained == member.xp - before.get(user, 0)
    assert await guild.standings(model.members) == expected(model, SPRING)


@law(15)
@given(settings=multiplied(), multiplier=st.sampled_from(FACTORS))
async def test_every_choice_of_roles_and_channel_is_multiplied(
    bot: httpx2.AsyncClient, clock: MovableClock, settings: Json, multiplier: float
) -> None:
    set_time(clock, SPRING)
    settings = settings | {"multiplier": multiplier}
    model, guild = Guild(settings, "UTC"), await Served.new(bot, settings)
    model.send(everyones_first(), SPRING)
    await guild.send(everyones_first())
    assert await guild.board() == ranking(model.values("xp"))


@law(18)
@given(data=st.data(), settings=capped(), zone=st.sampled_from(ZONES))
async def test_late_requests_are_judged_by_what_came_before_them(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str
) -> None:
    """Each event on its own day, whatever day has been since; XP by hand takes nothing from a cap."""
    set_time(clock, SPRING)
    requests = data.draw(st.permutations(data.draw(splits(data.draw(histories(users=2, size=30))))))
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    for request in requests:
        if data.draw(st.integers(1, 3)) == 1:
            user = data.draw(st.sampled_from(USERS[:2]))
            await guild.ask("POST", f"/members/{user}/xp", json={"amount": 25})
            model.give(user, 25, SPRING)
        assert await guild.send(request) == model.send(request, SPRING)
    assert await guild.standings(model.members) == expected(model, SPRING)


@law(9)
@given(events=histories(users=2), seed=st.integers(0, 2**32), zone=st.sampled_from(ZONES))
async def test_late_days_make_the_same_streak(
    bot: httpx2.AsyncClient, clock: MovableClock, events: list[Json], seed: int, zone: str
) -> None:
    """Without a cooldown and a cap, delivery in any order makes the same of everything."""
    set_time(clock, SPRING)
    settings: Json = {"xp_per_message": {"min": 10, "max": 10}, "cooldown_seconds": 0}
    model, guild = Guild(settings, zone), await Served.new(bot, settings, zone)
    model.send(events, SPRING)
    shuffled = random.Random(seed).sample(events, len(events))  # noqa: S311 # an order, no secret
    for event in shuffled:
        await guild.send([event])
    assert await guild.standings(model.members) == expected(model, SPRING)
