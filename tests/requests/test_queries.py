"""Query parameters and cursors: what is not understood is refused by name, and never a 500."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode

import httpx2
import pytest

from api.app import describe
from tests.architecture.described import Description
from tests.requests.routes import SCOPED
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR, QUARRY

pytestmark = pytest.mark.usefixtures("chatterbox")

LISTS = [
    "/v1/guilds", "/v1/keys", "/v1/modules", f"/v1/guilds/{HARBOUR}/audit-log",
    f"/v1/guilds/{HARBOUR}/settings/leveling/revisions",
]  # fmt: skip


def named(response: httpx2.Response) -> list[str]:
    """The parameters that the answer complains of."""
    assert response.status_code == 422, response.text
    return [fault["parameter"] for fault in response.json()["errors"]]


async def test_unknown_parameters_are_named(bot: httpx2.AsyncClient) -> None:
    required = {"source"}  # of an import, and listed as missing beside
    for route in SCOPED:
        if not route.has_body:
            response = await bot.request(route.method, route.url(module="leveling") + "?nonsense=1&Limit=2&=3&%00=4")
            found = [name for name in named(response) if name not in required]
            assert found == ["nonsense", "Limit", "", "\0"], str(route)


@pytest.mark.parametrize(
    ("path", "choices"),
    [
        ("leaderboard?period=year", '"all", "day", "month", "week"'),
        ("activity?bucket=year", '"day", "hour", "week"'),
        ("imports?source=excel", None),
    ],
)
async def test_choices_are_listed(bot: httpx2.AsyncClient, path: str, choices: str | None) -> None:
    method = "POST" if choices is None else "GET"
    answer = await bot.request(method, f"/v1/guilds/{HARBOUR}/{path}", json={} if choices is None else None)
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["errors"]
    expected = choices or '"amari", "csv", "events", "guildhall", "lurkr", "mee6", "polaris", "tatsu"'
    assert fault["message"].startswith("is not one of ")
    assert sorted(fault["message"].removeprefix("is not one of ").split(", ")) == expected.split(", ")


@pytest.mark.parametrize("path", LISTS)
async def test_limits(bot: httpx2.AsyncClient, path: str) -> None:
    bad = ["0", "-1", "abc", "1e3", "%205", "5%20", "+5", "%2B5", "1.0", "1_0", "٣", "", "true", "0x10", "%00", "%FF"]
    for limit in bad:
        assert named(await bot.get(f"{path}?limit={limit}")) == ["limit"], limit
    assert named(await bot.get(f"{path}?limit=5&limit=5")) == ["limit"]
    for limit in ("1", "100", "101", "1000", "3000000000", "9223372036854775808", "9" * 60):
        assert (await bot.get(f"{path}?limit={limit}")).status_code == 200, limit


@pytest.mark.parametrize("path", LISTS)
async def test_cursors_that_are_none(bot: httpx2.AsyncClient, path: str) -> None:
    for cursor in ("", "a", "AAAA", "%00", "é", "=", "A" * 22, "A" * 60, "A" * 1024, "A" * 1025, "null", "-" * 40):
        assert named(await bot.get(f"{path}?cursor={cursor}")) == ["cursor"], cursor


async def cursor_of(client: httpx2.AsyncClient, path: str) -> str:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return str(response.json()["next_cursor"])


async def test_one_changed_bit_in_any_place(bot: httpx2.AsyncClient) -> None:
    cursor = await cursor_of(bot, "/v1/guilds?limit=1")
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        spelt = urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert named(await bot.get(f"/v1/guilds?cursor={spelt}")) == ["cursor"], bit
    for place, character in enumerate(cursor):
        other = "A" if character != "A" else "B"
        for spelt in (cursor[:place] + other + cursor[place + 1 :], cursor[:place] + cursor[place + 1 :]):
            assert named(await bot.get(f"/v1/guilds?cursor={spelt}")) == ["cursor"], place
    for spelt in (cursor + "A", cursor + "=", cursor + "%0A", "%20" + cursor):
        assert named(await bot.get(f"/v1/guilds?cursor={spelt}")) == ["cursor"], spelt


async def test_a_cursor_of_elsewhere(bot: httpx2.AsyncClient, clients: Clients) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"name": "Port"})
    await bot.patch(f"/v1/guilds/{QUARRY}", json={"name": "Pit"})
    log = f"/v1/guilds/{HARBOUR}/audit-log"
    async with await clients.bot() as other:
        foreign = [
            (bot, "/v1/guilds?limit=1", bot, "/v1/keys"),
            (bot, "/v1/guilds?limit=1", bot, "/v1/guilds?deleted=true"),
            (bot, "/v1/guilds?limit=1", other, "/v1/guilds"),
            (bot, "/v1/keys?limit=1", other, "/v1/keys"),
            (bot, f"{log}?limit=1", other, log),
            (bot, f"{log}?limit=1", bot, f"{log}?actor=None"),
            (bot, f"{log}?limit=1", bot, f"{log}?action=guild.updated"),
            (bot, f"{log}?limit=1", bot, f"{log}?from=2020-01-01"),
            (bot, f"{log}?limit=1", bot, f"/v1/guilds/{QUARRY}/audit-log"),
        ]
        for writer, path, reader, elsewhere in foreign:
            cursor = await cursor_of(writer, path)
            assert named(await reader.get(elsewhere, params={**_query(elsewhere), "cursor": cursor})) == ["cursor"]


def _query(path: str) -> dict[str, str]:
    return dict(httpx2.URL(path).params)


async def test_a_stale_cursor(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    cursor = await cursor_of(bot, "/v1/guilds?limit=1")
    clock.move(hours=23.9)
    assert (await bot.get(f"/v1/guilds?cursor={cursor}")).status_code == 200
    clock.move(hours=0.2)
    assert named(await bot.get(f"/v1/guilds?cursor={cursor}")) == ["cursor"]


async def test_pages_neither_repeat_nor_hide(bot: httpx2.AsyncClient) -> None:
    """While one reads, guilds join before, behind and at the place where the reader stands."""
    await asyncio.gather(*(bot.put(f"/v1/guilds/{n * 10}", json={"name": str(n)}) for n in range(1, 31)))
    seen: list[int] = []
    url = "/v1/guilds?limit=7"
    for page in range(20):
        response = await bot.get(url)
        items = [int(guild["id"]) for guild in response.json()["items"]]
        seen += items
        if response.json()["next_cursor"] is None:
            assert "link" not in response.headers
            break
        assert len(items) == 7
        assert response.headers["link"].endswith('>; rel="next"')
        url = response.headers["link"].partition(">")[0].removeprefix("<")
        assert httpx2.URL(url).params["cursor"] == response.json()["next_cursor"]
        await bot.put(f"/v1/guilds/{items[0] + 1 + page}", json={"name": "before"})
        await bot.put(f"/v1/guilds/{items[-1] + 5}", json={"name": "behind"})
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert {n * 10 for n in range(1, 31)} | {HARBOUR, QUARRY} <= set(seen)
    assert any(id_ % 10 == 5 for id_ in seen)


# What an empty value is: a fault, but for these. Of roles it says that there are none; these two find nothing.
_EMPTY_IS_A_VALUE = {"role_ids", "actor", "action"}


async def test_an_empty_value_is_none(bot: httpx2.AsyncClient) -> None:
    """Of every parameter of every route: it never stands for all, as if the parameter were not there."""
    assert (await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"amount": 1})).is_success
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/public", json={"leaderboard": "everyone"})
    document = Description(describe())
    parts = {"guild_id": HARBOUR, "place": HARBOUR, "user_id": ADA, "module": "leveling", "achievement": "chatterbox"}
    parts["webhook_id"] = 1
    seen = set()
    for path, item in document.document["paths"].items():
        for parameter in map(document.resolved, item.get("get", {}).get("parameters", [])):
            name = parameter["name"]
            if parameter["in"] != "query" or name in _EMPTY_IS_A_VALUE or path.startswith(("/auth", "/v1/me")):
                continue
            seen.add(name)
            assert named(await bot.get(f"{path.format(**parts)}?{name}="))[:1] == [name], path
    assert seen >= {"types", "guild_id", "limit", "cursor", "deleted", "parent_id", "from", "period", "around", "stat"}
    for query in ("types=member.left&types=", "types=,", "types=member.left,", "types=&types="):
        assert named(await bot.get(f"/v1/events?{query}")) == ["types"], query
    log = f"/v1/guilds/{HARBOUR}/audit-log"
    for name in ("actor", "action"):
        assert (await bot.get(f"{log}?{name}=")).json()["items"] == []
