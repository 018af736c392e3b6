"""`GET …/members`: all members of a guild, or those whose names begin with something."""

import unicodedata

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.members.people import Json, give, hide, member
from tests.support.people import ADA, BO, HARBOUR, NOBODYS, QUARRY

MEMBERS = f"/v1/guilds/{HARBOUR}/members"


async def make(bot: httpx2.AsyncClient, user_id: int, username: str | None, display_name: str | None) -> None:
    response = await bot.patch(member(user_id), json={"username": username, "display_name": display_name})
    assert response.status_code == 200, response.text


async def listed(client: httpx2.AsyncClient, **query: str | int) -> list[int]:
    """The ids, page by page."""
    found: list[int] = []
    cursor: str | None = None
    while True:
        response = await client.get(MEMBERS, params=query | ({} if cursor is None else {"cursor": cursor}))
        assert response.status_code == 200, response.text
        page: Json = response.json()
        found += [int(each["user_id"]) for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
async def crowd(bot: httpx2.AsyncClient) -> None:
    await make(bot, 5, "zoe", "Élodie")
    await make(bot, 3, "eduard", "eduard")
    await make(bot, 9, "ANNA", "anna")
    await make(bot, 4, "anna2", "Anna")
    await make(bot, 7, "elmar", None)
    await make(bot, 2, None, "Straße")
    await give(bot, 8, 1)
    await give(bot, 1, 1)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_by_display_name_then_id_and_those_without_last(limit: int, bot: httpx2.AsyncClient) -> None:
    assert await listed(bot, limit=limit) == [4, 9, 3, 5, 2, 1, 7, 8]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("e", [3, 5, 7]),
        ("é", [3, 5, 7]),
        ("ÉL", [5, 7]),
        ("ann", [4, 9]),
        ("ANNA2", [4]),
        ("strass", [2]),
        ("zo", [5]),
        ("8", [8]),
        ("lodie", []),
        ("x", []),
        ("\u200b", []),
        ("%", []),
        ("  ", []),
    ],
)
async def test_the_beginning_of_either_name(search: str, found: list[int], bot: httpx2.AsyncClient) -> None:
    assert await listed(bot, search=search) == found
    assert await listed(bot, search=search, limit=1) == found
    assert await listed(bot, search=unicodedata.normalize("NFD", search)) == found


@pytest.mark.usefixtures("crowd")
async def test_by_ids(bot: httpx2.AsyncClient) -> None:
    assert await listed(bot, ids="8,5,9,777") == [9, 5, 8]
    assert await listed(bot, ids="8,5,9", limit=1) == [9, 5, 8]
    assert await listed(bot, ids="7,5,9", search="el") == [5, 7]
    assert await listed(bot, ids="7,5,9", search="9") == [9]
    several = await bot.get(f"{MEMBERS}?ids=1&ids=2")
    assert [each["user_id"] for each in several.json()["items"]] == ["2", "1"]


async def test_a_profile_without_rank(bot: httpx2.AsyncClient) -> None:
    await give(bot, BO, 5)
    await give(bot, ADA, 300)
    await make(bot, ADA, "ada", "Ada")
    whole = (await bot.get(member())).json()
    page = (await bot.get(MEMBERS, params={"limit": 1})).json()
    assert whole.pop("rank") == 1
    assert page["items"] == [whole]
    assert page["next_cursor"] is not None


async def test_hidden_people(
    bot: httpx2.AsyncClient, reader: httpx2.AsyncClient, owner: PlainConnection, mallory: httpx2.AsyncClient
) -> None:
    await make(bot, ADA, "ada", "Ada")
    await make(bot, BO, None, None)
    await make(bot, 7, "al", "al")
    await hide(owner, ADA, BO)
    assert await listed(bot) == [ADA, 7, BO]
    assert await listed(reader) == [7]
    for query in ({"search": "a"}, {"search": str(BO)}, {"ids": f"{ADA},{BO},7"}):
        assert len(await listed(bot, **query)) - len(await listed(reader, **query)) in (1, 2)
        assert set(await listed(reader, **query)) <= {7}
    assert (await mallory.get(MEMBERS)).status_code == 404


async def test_another_guild_is_another_list(bot: httpx2.AsyncClient) -> None:
    await make(bot, ADA, "ada", "Ada")
    await bot.patch(member(BO, QUARRY), json={"username": "ado", "display_name": "Ado"})
    assert await listed(bot, search="ad") == [ADA]
    assert (await bot.get(f"/v1/guilds/{NOBODYS}/members")).status_code == 404


@pytest.mark.usefixtures("crowd")
async def test_bad_queries(bot: httpx2.AsyncClient) -> None:
    for query in (
        "ids=x",
        "ids=" + ",".join(map(str, range(1, 102))),
        "search=" + "a" * 201,
        "search=%00",
        "search=",
        "ids=",
    ):
        assert (await bot.get(f"{MEMBERS}?{query}")).status_code == 422, query
    assert (await bot.get(f"{MEMBERS}?ids=" + ",".join(map(str, range(1, 101))))).status_code == 200
    cursor = (await bot.get(f"{MEMBERS}?limit=1&search=a")).json()["next_cursor"]
    assert (await bot.get(MEMBERS, params={"limit": 1, "cursor": cursor})).status_code == 422


async def test_many_with_the_same_beginning(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """More than a page walks: usernames that begin alike, among display names that do not."""
    await owner.execute(
        "INSERT INTO members (guild_id, user_id, has_display_name, is_ranked)"
        " SELECT $1, n, true, false FROM generate_series(1, 9000) n",
        HARBOUR,
    )
    await owner.execute(
        "INSERT INTO member_names (guild_id, user_id, username, username_folded, display_name, sort_name)"
        " SELECT $1, n, u, u, d, d FROM (SELECT n, 'u' || n % 100 || 'x' AS u, 'd' || lpad(n::text, 5, '0') AS d"
        " FROM generate_series(1, 9000) n) AS each",
        HARBOUR,
    )
    expected = [n for n in range(1, 9001) if n % 100 == 77]
    assert await listed(bot, search="u77x", limit=100) == expected
    answer = (await bot.get(MEMBERS, params={"search": "u", "limit": 100})).json()
    first = [int(each["user_id"]) for each in answer["items"]]
    query = {"search": "u", "limit": 100, "cursor": answer["next_cursor"]}
    second = [int(each["user_id"]) for each in (await bot.get(MEMBERS, params=query)).json()["items"]]
    assert first + second == list(range(1, 201))
    assert await listed(bot, search="d0899") == list(range(8990, 9000))
