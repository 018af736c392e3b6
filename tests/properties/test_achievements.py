"""What members earn, in whatever way their events are delivered and the achievements are defined."""

import asyncio
import random
from collections.abc import Mapping
from math import isclose

import httpx2
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, convert

from api.achievements import conditions as ours
from api.achievements.conditions import Metric
from api.achievements.dtos import Condition
from api.achievements.index import AchievementIndex, Definition
from api.achievements.threshold_index import compiled
from tests.properties.achievements import AchievementModel, conditions, definitions, rising
from tests.properties.driver import Json, Served, law, set_time
from tests.properties.model import Guild
from tests.properties.strategies import SPRING, ZONES, histories, splits
from tests.support.clock import MovableClock


async def define(guild: Served, drafts: list[Json], **more: object) -> None:
    for draft in drafts:
        await guild.ask("POST", "/achievements", json={**draft, **more})


async def held(guild: Served, users: list[int]) -> dict[int, set[str]]:
    """What each has earned; and that progress is 1 exactly where a condition holds is seen on the way."""
    found = {}
    for user in users:
        items = (await guild.ask("GET", f"/members/{user}/achievements"))["items"]
        found[user] = {item["achievement"] for item in items if item["awarded_at"] is not None}
    return found


@law(5)
@given(data=st.data(), settings=rising(), zone=st.sampled_from(ZONES), drafts=definitions())
async def test_neither_the_split_of_events_nor_the_order_of_definitions_matters(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, zone: str, drafts: list[Json]
) -> None:
    set_time(clock, SPRING)
    events = data.draw(histories(size=16))
    for event in events:
        if event["type"] == "stat" and data.draw(st.booleans()):
            event["amount"] = -event["amount"]
    model = AchievementModel(Guild(settings, zone), drafts)
    model.send(events, SPRING)
    users = sorted(model.awarded)
    guilds = [await Served.new(bot, settings, zone) for _ in range(2)]
    for guild, order in zip(guilds, (drafts, drafts[::-1]), strict=True):
        await define(guild, [{**draft, "prerequisites": []} for draft in order])
        for draft in drafts:
            await guild.ask("PATCH", f"/achievements/{draft['key']}", json={"prerequisites": draft["prerequisites"]})
    ways = [data.draw(splits(events)) for _ in guilds]
    await asyncio.gather(*(guild.send_all(way) for guild, way in zip(guilds, ways, strict=True)))
    for guild in guilds:
        assert await held(guild, users) == model.awarded
        standings = await guild.standings(users)
        assert {user: standings[user]["xp"] for user in users} == {u: model.guild.members[u].xp for u in users}
        for user in users:
            for item in (await guild.ask("GET", f"/members/{user}/achievements"))["items"]:
                draft = next(draft for draft in drafts if draft["key"] == item["achievement"])
                assert (item["progress"] == 1) == model.holds(draft["condition"], user, SPRING)


@law(4)
@given(data=st.data(), settings=rising(), drafts=definitions(windows=False, most=3))
async def test_as_it_comes_in_and_in_the_background_are_the_same(
    bot: httpx2.AsyncClient, clock: MovableClock, data: st.DataObject, settings: Json, drafts: list[Json]
) -> None:
    set_time(clock, SPRING)
    events = data.draw(histories(size=12))
    before, after = await Served.new(bot, settings), await Served.new(bot, settings)
    await define(before, drafts)
    await before.send_all(data.draw(splits(events)))
    await after.send(events)
    await define(after, drafts, retroactive=True)
    for _ in range(200):
        listed = (await after.ask("GET", "/achievements"))["items"]
        if all(item["awarding"]["status"] == "finished" for item in listed):
            break
        await asyncio.sleep(0.02)
    users = sorted({int(event["user_id"]) for event in events})
    assert await held(before, users) == await held(after, users)
    one, other = await before.standings(users), await after.standings(users)
    assert {user: one[user]["xp"] for user in users} == {user: other[user]["xp"] for user in users}


@given(tree=conditions(), seed=st.integers(0, 2**32))
def test_progress_is_1_exactly_when_the_condition_holds(tree: Json, seed: int) -> None:
    condition = convert(tree, Condition)
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    values: dict[Metric, int] = {}
    for comparison in ours.comparisons(condition):
        values[ours.metric(comparison)] = max(ours.threshold(comparison) + chance.choice([-1, 0, 0, 1]), 0)
    progress = ours.progress(condition, values)
    assert 0 <= progress <= 1
    assert (progress == 1) == compiled(condition)(values)
    views = ours.comparison_views(condition, values)
    assert [comparison.progress == 1 for comparison in views] == [
        comparison.value >= comparison.gte for comparison in views
    ]


@given(trees=st.lists(conditions(), min_size=1, max_size=6), seed=st.integers(0, 2**32))
def test_what_is_looked_up_is_what_the_conditions_say(trees: list[Json], seed: int) -> None:
    read = [convert(tree, Condition) for tree in trees]
    index = AchievementIndex([_definition(number, each) for number, each in enumerate(read)])
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    metrics = sorted({ours.metric(comparison) for each in read for comparison in ours.comparisons(each)})
    for _ in range(3):  # the second time much of it is remembered
        values = {metric: chance.choice([0, 1, 2, 3, 5, 10, 1000]) for metric in metrics if chance.random() < 0.9}
        held = {each.id for each in index.of(index.holding(values))}
        assert held == {number for number, each in enumerate(read) if _holds(each, values)}


def _holds(condition: Condition, values: Mapping[Metric, int]) -> bool:
    """What the contract says, with nothing remembered."""
    if condition.all is not UNSET:
        return all(_holds(child, values) for child in condition.all)
    if condition.any is not UNSET:
        return any(_holds(child, values) for child in condition.any)
    return values.get(ours.metric(condition), 0) >= ours.threshold(condition)


def _definition(number: int, condition: Condition) -> Definition:
    return Definition(
        id=number,
        guild_id=1,
        key=f"a{number}",
        name="A",
        hidden=False,
        condition=condition,
        requires=(),
        reward_xp=0,
        reward_role_id=None,
        revision=1,
        metrics=frozenset(ours.metric(comparison) for comparison in ours.comparisons(condition)),
    )


def test_what_is_almost_there_is_not_there() -> None:
    large = 2**63 - 1
    parts = [Condition(stat="messages", gte=1)] * 19 + [Condition(stat="commands", gte=large)]
    values = {Metric("messages"): 1, Metric("commands"): large - 1}
    progress = ours.progress(Condition(all=parts), values)
    assert progress < 1
    assert isclose(progress, 1)
