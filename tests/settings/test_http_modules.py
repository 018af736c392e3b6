"""`/v1/modules`: registered by bots, evolved, listed."""

from typing import Any

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from api.lib.json import JsonObject
from api.postgres.engine import PlainConnection
from tests.settings.addresses import (
    WELCOME,
    WELCOME_DEFAULTS,
    faults,
    register,
    settings_of,
    with_property,
)
from tests.support.clients import Clients
from tests.support.people import QUARRY


async def test_a_module_is_registered_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    body = {"schema": WELCOME, "title": "Welcome", "description": "Who comes in."}
    first = await bot.put("/v1/modules/welcome", json=body)
    second = await bot.put("/v1/modules/welcome", json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == {
        "module": "welcome",
        "version": 1,
        "title": "Welcome",
        "description": "Who comes in.",
        "built_in": False,
        "schema": WELCOME,
        "defaults": WELCOME_DEFAULTS,
    }
    read = await bot.get("/v1/modules/welcome")
    assert first.content == second.content == read.content
    assert first.headers["etag"] == read.headers["etag"]
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE target = 'welcome'") == 1


async def test_evolving_reaches_every_guild_at_once(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await register(bot)
    await bot.patch(settings_of("welcome"), json={"limit": 7})
    paths = [settings_of("welcome"), settings_of("welcome", QUARRY)]
    before = [await bot.get(path) for path in paths]  # in memory now
    evolved = await register(
        bot, with_property(limit={"type": "integer", "default": 6}, more={"type": "string", "default": "new"})
    )
    assert (evolved.status_code, evolved.json()["version"]) == (200, 2)
    after = [await bot.get(path) for path in paths]
    assert [answer.json()["values"]["limit"] for answer in before] == [7, 5]
    assert [answer.json()["values"]["limit"] for answer in after] == [7, 6]
    assert [answer.json()["values"]["more"] for answer in after] == ["new", "new"]
    assert [answer.json()["revision"] for answer in after] == [1, 0]
    assert (await mallory.get(f"/v1/guilds/{QUARRY}/settings")).json()["welcome"]["more"] == "new"
    assert before[0].headers["etag"] != after[0].headers["etag"]
    assert (await bot.patch(paths[0], json={"more": "mine"})).json()["values"]["more"] == "mine"


async def test_properties_keep_their_order(bot: httpx2.AsyncClient) -> None:
    """Forms show them in it. Another order is no other version."""
    one = {"type": "integer", "minimum": 0, "default": 1, "title": "One"}
    for names in (["zebra", "ant", "m"], ["ant", "zebra", "m"], ["ant", "zebra", "m"]):
        schema = {"type": "object", "properties": dict.fromkeys(names, one), "additionalProperties": False}
        put = await bot.put("/v1/modules/order", json={"schema": schema})
        assert put.json()["version"] == 1
        found = (await bot.get("/v1/modules/order")).json()
        assert list(found["schema"]["properties"]) == names
        assert list(found["schema"]["properties"]["ant"]) == list(one)
    (listed,) = [each for each in (await bot.get("/v1/modules")).json()["items"] if each["module"] == "order"]
    assert list(listed["schema"]["properties"]) == ["ant", "zebra", "m"]


async def test_words_change_without_a_new_version(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    for title in ("Hello", "Cafe\u0301", None):
        view = (await bot.put("/v1/modules/welcome", json={"schema": WELCOME, "title": title})).json()
        assert view["version"] == 1
        assert view["title"] == (title and title.replace("e\u0301", "é"))
        assert (await bot.get("/v1/modules/welcome")).json() == view


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["/schema"]),
        ({"schema": 1}, ["/schema"]),
        ({"schema": WELCOME, "nope": 1}, ["/nope"]),
        ({"schema": WELCOME, "title": ""}, ["/title"]),
        ({"schema": WELCOME, "title": "a\x00"}, ["/title"]),
        ({"schema": WELCOME, "title": "a" * 101, "description": "a" * 1001}, ["/description", "/title"]),
        ({"schema": WELCOME, "title": "\ufb2c" * 60}, ["/title"]),
        ({"schema": {}}, ["/schema/properties", "/schema/type"]),
        (
            {"schema": {"type": "object", "properties": {"a": {}, "b": {"type": "string"}}}},
            ["/schema/properties/a", "/schema/properties/b"],
        ),
        (
            {"schema": {"type": "object", "properties": {"a": {"$ref": "https://x.test/s", "default": 1}}}},
            ["/schema/properties/a/$ref"],
        ),
        (
            {"schema": {"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}},
            ["/schema/properties/a/default"],
        ),
        (
            {"schema": {"type": "object", "properties": {"a": {"type": "number", "default": 0, "maximum": 1e300}}}},
            ["/schema/properties/a/maximum"],
        ),
        (
            {"schema": {"type": "object", "properties": {"a": {"type": "nothing", "default": 1}}}},
            ["/schema/properties/a/type"],
        ),
        (
            {
                "schema": {
                    "type": "object",
                    "properties": {"a": {"type": "string", "default": "", "title": "x" * 70_000}},
                }
            },
            ["/schema"],
        ),
    ],
)
async def test_bad_schemas(bot: httpx2.AsyncClient, body: JsonObject, expected: list[str]) -> None:
    assert sorted(set(faults(await bot.put("/v1/modules/welcome", json=body)))) == expected
    assert (await bot.get("/v1/modules/welcome")).status_code == 404


@pytest.mark.parametrize("depth", [8, 12, 16, 100, 5000])
async def test_too_deep_schemas(bot: httpx2.AsyncClient, depth: int) -> None:
    """Objects within objects; two levels of JSON each. Most of them no decoder could read."""
    opening = b'{"type":"object","properties":{"a":'
    body = b'{"schema":' + opening * depth + b'{"default":1}' + b"}}" * depth + b"}"
    response = await bot.put("/v1/modules/welcome", content=body, headers={"Content-Type": "application/json"})
    if depth <= 12:
        assert response.status_code == 201
    else:
        assert [pointer[:7] for pointer in faults(response)] == ["/schema"]


@pytest.mark.parametrize("name", ["leveling", "achievements", "privacy", "public", "cards"])
async def test_built_in_modules_are_not_registered_over(bot: httpx2.AsyncClient, name: str) -> None:
    before = (await bot.get(f"/v1/modules/{name}")).json()
    assert before["built_in"] is True
    refused = await register(bot, name=name)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:guildhall:problem:built-in-module")
    assert (await bot.get(f"/v1/modules/{name}")).json() == before


@pytest.mark.parametrize("name", ["Welcome", "9a", "_a", "a" * 65, "a-b", "%00", "a%0A", "é"])
async def test_names(bot: httpx2.AsyncClient, name: str) -> None:
    assert (await bot.get(f"/v1/modules/{name}")).status_code == 404
    for body in ({"schema": WELCOME}, {}):
        assert (await bot.put(f"/v1/modules/{name}", json=body)).status_code == 404
    assert (await bot.put("/v1/modules/" + "a" * 64, json={"schema": WELCOME})).status_code == 201


async def test_who_may(bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, clients: Clients) -> None:
    assert (await register(harbour_bot)).json()["type"] == "urn:guildhall:problem:forbidden"
    async with await clients.bot(scopes=ALL - {Scope.MODULES_WRITE}) as client:
        assert (await register(client)).status_code == 403
        assert (await client.get("/v1/modules")).status_code == 200
    async with await clients.bot(scopes=[Scope.MODULES_WRITE]) as client:
        assert (await client.get("/v1/modules")).status_code == 403
        assert (await register(client)).status_code == 201


async def test_pages_of_modules(bot: httpx2.AsyncClient) -> None:
    names = [f"zoo_{n}" for n in range(5)]
    for name in reversed(names):
        await register(bot, with_property(), name)
    found: list[dict[str, Any]] = []  # Any: JSON
    cursor = None
    while True:
        page = (await bot.get("/v1/modules", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        assert 1 <= len(page["items"]) <= 3
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [item["module"] for item in found] == ["achievements", "cards", "leveling", "privacy", "public", *names]
    assert [item["built_in"] for item in found] == [True] * 5 + [False] * 5
    assert found == (await bot.get("/v1/modules")).json()["items"]


@pytest.mark.parametrize("query", ["on_conflict=ask", "on_conflict=", "on_conflict=reset&on_conflict=reset", "x=1"])
async def test_bad_queries(bot: httpx2.AsyncClient, query: str) -> None:
    response = await bot.put(f"/v1/modules/welcome?{query}", json={"schema": WELCOME})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]
    assert (await bot.get("/v1/modules/welcome")).status_code == 404


async def test_if_match_keeps_two_from_evolving_past_each_other(bot: httpx2.AsyncClient) -> None:
    first = await bot.put("/v1/modules/welcome", json={"schema": WELCOME})
    stale = {"If-Match": first.headers["etag"]}
    second = await bot.put("/v1/modules/welcome", json={"schema": WELCOME, "title": "Welcome"}, headers=stale)
    third = await bot.put("/v1/modules/welcome", json={"schema": WELCOME, "title": "Hello"}, headers=stale)
    absent = await bot.put("/v1/modules/absent", json={"schema": WELCOME}, headers={"If-Match": "*"})
    assert [answer.status_code for answer in (first, second, third, absent)] == [201, 200, 412, 412]
    assert (await bot.get("/v1/modules/welcome")).json()["title"] == "Welcome"
    assert (await bot.get("/v1/modules/absent")).status_code == 404
