"""`GET …/members/{user_id}/role-rewards`: so that a bot can be dumb."""

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.members.people import give, hide, leveling, member
from tests.support.people import ADA, BO, MALLORY

ROLES = f"{member()}/role-rewards"
REWARDS = [
    {"level": 1, "role_id": "11"},
    {"level": 2, "role_id": "22"},
    {"level": 2, "role_id": "23"},
    {"level": 3, "role_id": "33"},
]


async def rewards(client: httpx2.AsyncClient, query: str = "", path: str = ROLES) -> tuple[list[str], list[str]]:
    """What to add and what to remove."""
    response = await client.get(f"{path}?{query}" if query else path)
    assert response.status_code == 200, response.text
    found = response.json()
    assert found.keys() == {"add", "remove"}
    return found["add"], found["remove"]


@pytest.mark.parametrize(
    "query",
    [
        "role_ids=11,33,99",
        "role_ids=11&role_ids=33&role_ids=99",
        "role_ids=11%2C33&role_ids=99",
        "role_ids=99,33,11,11",
    ],
)
async def test_what_is_held(bot: httpx2.AsyncClient, query: str) -> None:
    await leveling(bot, role_rewards=REWARDS)
    await give(bot, ADA, 300)
    assert await rewards(bot, query) == (["22", "23"], ["33"])
    await leveling(bot, stack_role_rewards=False)
    assert await rewards(bot, query) == (["22", "23"], ["11", "33"])


@pytest.mark.parametrize("query", ["", "role_ids=", "role_ids=&role_ids="])
async def test_of_somebody_without_roles(bot: httpx2.AsyncClient, query: str) -> None:
    await leveling(bot, role_rewards=REWARDS)
    await give(bot, ADA, 300)
    assert await rewards(bot, query) == (["11", "22", "23"], [])


async def test_of_somebody_unknown(bot: httpx2.AsyncClient) -> None:
    await leveling(bot, role_rewards=REWARDS)
    assert await rewards(bot, "role_ids=11,99") == ([], ["11"])


async def test_as_many_as_anybody_has(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    ids = [str(2**63 - 1 - number) for number in range(250)]
    assert await rewards(bot, "role_ids=" + ",".join(ids)) == ([], [])


@pytest.mark.parametrize(
    "query",
    [
        "role_ids=x", "role_ids=1,", "role_ids=1,,2", "role_ids=,", "role_ids=007", "role_ids=1, 2", "role_ids=%00",
        "role_ids=9223372036854775808", "role_ids=0", "role_ids=1&role_ids=-1", "role_ids=" + ",".join(["5"] * 251),
        "&".join(["role_ids=5"] * 251), "role_ids[]=5", "role_id=5",
    ],
)  # fmt: skip
async def test_bad_ids(bot: httpx2.AsyncClient, query: str) -> None:
    response = await bot.get(f"{ROLES}?{query}")
    assert response.status_code == 422, response.text
    names = {"role_ids[]=5": "role_ids[]", "role_id=5": "role_id"}
    assert [fault["parameter"] for fault in response.json()["errors"]] == [names.get(query, "role_ids")]


async def test_who_may_ask(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, reader: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await leveling(bot, role_rewards=REWARDS)
    await give(bot, ADA, 300)
    assert (await mallory.get(ROLES)).status_code == 404
    assert await rewards(reader) == (["11", "22", "23"], [])
    await hide(owner, ADA, MALLORY)
    for user_id in (ADA, MALLORY, BO):  # a member, nobody's, and somebody unknown
        assert (await reader.get(f"{member(user_id)}/role-rewards")).status_code == 404
    assert await rewards(bot) == (["11", "22", "23"], [])
    assert await rewards(bot, path=f"{member(BO)}/role-rewards") == ([], [])
