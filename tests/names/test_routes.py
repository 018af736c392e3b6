"""Names that people read: what somebody types is refused in a sentence, what comes from Discord is cleaned."""

import json
from collections.abc import Callable

import httpx2
import pytest
from asyncpg import Record

from api.postgres.engine import PlainConnection
from tests.names.cases import BAD, GOOD
from tests.support.people import HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}"
SENTENCE = "is not visible, or has a line break, another control character or a direction override"

Body = dict[str, object]

TYPED: dict[str, tuple[str, str, str, Callable[[str], Body]]] = {
    "guild": ("PATCH", GUILD, "/name", lambda name: {"name": name}),
    "key": ("POST", "/v1/keys", "/name", lambda name: {"name": name, "scopes": ["guilds:read"]}),
    "achievement": (
        "POST",
        f"{GUILD}/achievements",
        "/name",
        lambda name: {"key": "first", "name": name, "condition": {"stat": "messages", "gte": 1}},
    ),
    "module": (
        "PUT",
        "/v1/modules/welcome",
        "/title",
        lambda name: {"title": name, "schema": {"type": "object", "properties": {}}},
    ),
}
RECEIVED = {
    "guild": (GUILD, lambda name: {"name": name}, str(HARBOUR)),
    "role": (f"{GUILD}/roles", lambda name: {"items": [{"id": "7", "name": name}]}, "7"),
    "channel": (f"{GUILD}/channels", lambda name: {"items": [{"id": "7", "name": name}]}, "7"),
}
typed = pytest.mark.parametrize("route", TYPED.values(), ids=TYPED)
received = pytest.mark.parametrize("route", RECEIVED.values(), ids=RECEIVED)


@typed
async def test_what_is_typed_is_refused(
    bot: httpx2.AsyncClient, owner: PlainConnection, route: tuple[str, str, str, Callable[[str], Body]]
) -> None:
    method, path, pointer, body = route
    before = await stored(owner)
    for name, _ in BAD.values():
        response = await bot.request(method, path, json=body(name))
        assert response.status_code == 422, name
        assert response.json()["errors"] == [{"pointer": pointer, "message": SENTENCE}]
    assert await stored(owner) == before


@typed
async def test_names_of_all_scripts_are_accepted(
    bot: httpx2.AsyncClient, route: tuple[str, str, str, Callable[[str], Body]]
) -> None:
    method, path, pointer, body = route
    for place, name in enumerate(GOOD.values()):
        sent = body(name)
        if "key" in sent:
            sent["key"] = f"n{place}"
        response = await bot.request(method, path, json=sent)
        assert response.is_success, response.text
        assert response.json()[pointer.removeprefix("/")] == name


@received
async def test_what_discord_has_is_cleaned(
    bot: httpx2.AsyncClient, route: tuple[str, Callable[[str], Body], str]
) -> None:
    path, body, id_ = route
    for name, left in [*BAD.values(), ("cut \ud83d", "cut"), ("\udc00", "")]:
        sent = json.dumps(body(name)).encode()
        response = await bot.put(path, content=sent, headers={"Content-Type": "application/json"})
        assert response.status_code == 200, response.text
        view = (await bot.get(path)).json()
        assert view.get("items", [view])[0]["name"] == (left or id_)
        assert response.json() == view


async def test_of_many_roles_none_is_lost(bot: httpx2.AsyncClient) -> None:
    items = [{"id": str(id_), "name": name} for id_, (name, _) in enumerate(BAD.values(), 1)]
    response = await bot.put(f"{GUILD}/roles", json={"items": items})
    assert [role["name"] for role in response.json()["items"]] == [
        left or str(id_) for id_, (_, left) in enumerate(BAD.values(), 1)
    ]


async def stored(owner: PlainConnection) -> list[Record]:
    tables = ("guilds", "modules", "api_keys", "achievements", "audit_log")
    rows = (f"SELECT '{name}' AS of, (to_jsonb({name}) - 'last_used_at')::text AS row FROM {name}" for name in tables)
    return await owner.fetch(" UNION ALL ".join(rows) + " ORDER BY 1, 2")
