"""Many clients at once: every event counts once, everyone is answered, and nobody is harmed by others."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.config import Settings
from tests.operation.servers import another_process
from tests.support.clients import Clients
from tests.support.people import HARBOUR, NOBODYS, QUARRY
from tests.support.serving import NO_TLS

CLIENTS = 20
Json = dict[str, Any]  # Any: JSON

# 50 XP a message, a level each 100 XP: whatever is counted twice or lost shows in XP, level and rank.
RULES: Json = {
    "xp_per_message": {"min": 50, "max": 50},
    "cooldown_seconds": 0,
    "curve": {"kind": "cost", "coefficients": [100]},
}


@pytest.fixture
async def crowd(
    bot: httpx2.AsyncClient, clients: Clients, settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Twenty clients, of one process or of two in turn; both guilds have the RULES."""
    for guild in (HARBOUR, QUARRY):
        answer = await bot.patch(f"/v1/guilds/{guild}/settings/leveling", json=RULES)
        assert answer.status_code == 200, answer.text
    key = await clients.key(name="crowd")
    async with AsyncExitStack() as stack:
        crowd = [clients.bearer(key) for _ in range(CLIENTS)]
        if getattr(request, "param", 1) == 2:
            url = await stack.enter_async_context(another_process(settings))
            crowd[1::2] = [
                httpx2.AsyncClient(base_url=url, headers=client.headers, timeout=30, verify=NO_TLS)
                for client in crowd[1::2]
            ]
        for client in crowd:
            await stack.enter_async_context(client)
        yield crowd


def messages(count: int, users: int, *, named: str = "m") -> list[Json]:
    """So many messages of these members, a second between two: of the true time, which no process takes for later
    than its own."""
    start = datetime.now(UTC) - timedelta(seconds=count)
    return [
        {
            "id": f"{named}{number}",
            "type": "message",
            "user_id": str(1000 + number % users),
            "channel_id": "5",
            "occurred_at": (start + timedelta(seconds=number)).isoformat(),
        }
        for number in range(count)
    ]


async def send(client: httpx2.AsyncClient, events: list[Json], guild: int = HARBOUR) -> httpx2.Response:
    """As a client does: what was refused for the moment is sent again."""
    for _ in range(10):
        answer = await client.post(f"/v1/guilds/{guild}/activity", json={"events": events})
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.3)
    return answer


async def assert_counted(bot: httpx2.AsyncClient, per_member: Counter[int], guild: int = HARBOUR) -> None:
    """Each member has exactly so many messages, and the XP, level and rank that go with them."""
    for user, count in per_member.items():
        profile = (await bot.get(f"/v1/guilds/{guild}/members/{user}")).json()
        assert (profile["stats"]["messages"], profile["xp"], profile["level"]) == (count, 50 * count, count // 2)
        assert profile["rank"] == 1 + sum(1 for other in per_member.values() if other > count)
        assert profile["member_count"] == len(per_member)
    series = (await bot.get(f"/v1/guilds/{guild}/activity")).json()["items"]
    assert sum(bucket["messages"] for bucket in series) == per_member.total()
    assert sum(bucket["xp"] for bucket in series) == 50 * per_member.total()


def assert_each_level_once(answers: list[Json], per_member: Counter[int]) -> None:
    """The level-ups in the answers lead each member from 0 to the top, no step twice, none left out."""
    steps: dict[int, list[tuple[int, int]]] = {}
    for answer in answers:
        answered = [int(up["user_id"]) for up in answer["level_ups"]]
        assert len(set(answered)) == len(answered)
        for up in answer["level_ups"]:
            steps.setdefault(int(up["user_id"]), []).append((up["from_level"], up["to_level"]))
    for user, count in per_member.items():
        level = 0
        for before, after in sorted(steps.pop(user, [])):
            assert before == level < after
            level = after
        assert level == count // 2
    assert steps == {}


@pytest.mark.parametrize(
    ("crowd", "size"),
    [(1, 500), (1, 25), (1, 1), (2, 25)],
    indirect=["crowd"],
    ids=["whole", "in parts", "one by one", "two processes"],
)
async def test_the_same_events_from_twenty_clients_count_once(
    bot: httpx2.AsyncClient, crowd: list[httpx2.AsyncClient], size: int
) -> None:
    """One by one only a tenth: it is the same race."""
    events = messages(500 if size > 1 else 50, users=23)
    clients = crowd if size > 1 else crowd[:10]
    parts = [events[start : start + size] for start in range(0, len(events), size)]

    async def deliver(client: httpx2.AsyncClient, seed: int) -> list[Json]:
        """All parts, each client in an order of its own."""
        dice = random.Random(seed)  # noqa: S311 # an order, no secret
        answers = []
        for part in dice.sample(parts, len(parts)):
            answer = await send(client, dice.sample(part, len(part)))
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
        return answers

    answered = await asyncio.gather(*(deliver(client, seed) for seed, client in enumerate(clients)))
    answers = [answer for own in answered for answer in own]
    per_member = Counter(int(event["user_id"]) for event in events)
    assert sum(answer["accepted"] for answer in answers) == len(events)
    assert sum(answer["duplicates"] for answer in answers) == len(events) * (len(clients) - 1)
    assert_each_level_once(answers, per_member)
    await assert_counted(bot, per_member)


async def test_the_same_id_at_once_in_two_guilds_is_two_events(
    bot: httpx2.AsyncClient, crowd: list[httpx2.AsyncClient]
) -> None:
    events = messages(40, users=5)
    sent = [send(client, events, (HARBOUR, QUARRY)[n % 2]) for n, client in enumerate(crowd)]
    answers = [answer.json() for answer in await asyncio.gather(*sent)]
    assert sum(answer["accepted"] for answer in answers) == 80
    per_member = Counter(int(event["user_id"]) for event in events)
    await assert_counted(bot, per_member)
    await assert_counted(bot, per_member, QUARRY)


@pytest.mark.parametrize("crowd", [1, 2], indirect=True, ids=["one process", "two processes"])
async def test_the_same_members_in_any_order_block_nobody(
    bot: httpx2.AsyncClient, crowd: list[httpx2.AsyncClient]
) -> None:
    """Members who are new and members who are known, batches and single events, XP by hand between."""
    per_member: Counter[int] = Counter()

    async def deliver(client: httpx2.AsyncClient, number: int) -> list[httpx2.Response]:
        dice, answers = random.Random(number), []  # noqa: S311 # an order, no secret
        for turn in range(8):
            events = messages(dice.choice([1, 2, 30, 60]), users=40, named=f"{number}-{turn}-")
            dice.shuffle(events)
            per_member.update(int(event["user_id"]) for event in events)
            answers.append(await send(client, events))
            path = f"/v1/guilds/{HARBOUR}/members/{1000 + dice.randrange(40)}/xp"
            answers.append(await client.post(path, json={"amount": 0}))
        return answers

    answered = await asyncio.wait_for(
        asyncio.gather(*(deliver(client, number) for number, client in enumerate(crowd))), timeout=40
    )
    assert {answer.status_code for own in answered for answer in own} == {200}
    assert_each_level_once([own[at].json() for own in answered for at in range(0, len(own), 2)], per_member)
    for user in set(range(1000, 1040)) - set(per_member):
        per_member[user] = 0
    await assert_counted(bot, per_member)


async def test_who_fails_harms_none_of_the_others(bot: httpx2.AsyncClient, crowd: list[httpx2.AsyncClient]) -> None:
    """Single events share transactions. Among them: guilds that are not there, one that is deleted and comes
    back meanwhile, and requests that are refused."""
    good, doomed = Counter[int](), Counter[int]()

    async def deliver(client: httpx2.AsyncClient, number: int) -> None:
        for turn in range(15):
            event = messages(1, users=1, named=f"{number}-{turn}-")[0] | {"user_id": str(1000 + number)}
            kind = (number + turn) % 4
            if kind == 0:
                assert (await send(client, [event], NOBODYS)).status_code == 404
            elif kind == 1:
                answer = await send(client, [event], QUARRY)
                assert answer.status_code in (200, 404), answer.text
                doomed[1000 + number] += answer.status_code == 200
            elif kind == 2:
                answer = await send(client, [event | {"user_id": str(2**63)}])
                assert answer.status_code == 422, answer.text
                assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/events/0/user_id"]
            answer = await send(client, [event])
            assert answer.status_code == 200, answer.text
            assert answer.json()["accepted"] == 1
            good[1000 + number] += 1

    async def delete_and_restore() -> None:
        for _ in range(12):
            await asyncio.sleep(0.02)
            assert (await bot.delete(f"/v1/guilds/{QUARRY}")).status_code == 204
            await asyncio.sleep(0.02)
            assert (await bot.post(f"/v1/guilds/{QUARRY}/restore")).status_code == 200

    await asyncio.gather(delete_and_restore(), *(deliver(client, number) for number, client in enumerate(crowd)))
    await assert_counted(bot, good)
    await assert_counted(bot, Counter({user: count for user, count in doomed.items() if count}), QUARRY)


async def test_who_is_cut_short_harms_none_of_the_others(
    bot: httpx2.AsyncClient, crowd: list[httpx2.AsyncClient]
) -> None:
    """Requests that are cancelled while they wait or count, as a stop does it: whether they were stored is open,
    the others are answered, and each event counts once in the end."""
    events = messages(200, users=20)
    sent = [asyncio.create_task(send(crowd[number % CLIENTS], [event])) for number, event in enumerate(events)]
    await asyncio.sleep(0.1)
    cut = [task for task in sent[::3] if task.cancel()]
    assert cut, "all was over before"
    await asyncio.wait(sent)
    assert {task.result().status_code for task in sent if task not in cut} == {200}
    again = (await send(bot, events)).json()
    assert again["accepted"] <= len(cut)
    assert again["accepted"] + again["duplicates"] == len(events)
    await assert_counted(bot, Counter(int(event["user_id"]) for event in events))
