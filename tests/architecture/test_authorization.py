"""The authorization matrix: every route, called with every kind of credential for every kind of guild.

Each request has a query parameter that no route knows. An admitted caller gets 422 for it (or an earlier fault of the
same request), and nothing happens. A refused caller gets another status."""

import re
from collections import Counter
from typing import Literal

import httpx2

from api.auth.scopes import Scope
from api.postgres.engine import PlainConnection
from tests.architecture.callers import DELETED, IS_THERE, PLACES, READER_ROLE, WRITER_ROLE, Caller, make_callers
from tests.requests.routes import ROUTES, Route
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.people import HARBOUR, NOBODYS, QUARRY

Needs = Literal["nobody", "key", "person", "read", "write", "manage", "own"]

# The requirement of each route for a person: to be logged in; to have a role that may read, or write; to manage the
# guild; to be the person in the address. Other routes are for keys alone, or for everybody. A new route needs a row
# here.
ROWS: dict[str, Needs] = {
    "GET /": "nobody",
    "GET /assets/{asset_path}": "nobody",
    "GET /favicon.ico": "nobody",
    "GET /schema": "nobody",
    "GET /schema/openapi.json": "nobody",
    "GET /health/live": "nobody",
    "GET /health/ready": "nobody",
    "GET /metrics": "nobody",
    "GET /dashboard": "nobody",
    "GET /g/{place}": "nobody",
    "GET /g/{place}/leaderboard.png": "nobody",
    "GET /g/{place}/members/{user_id}": "nobody",
    "GET /g/{place}/members/{user_id}/card.png": "nobody",
    "GET /v1/public/guilds/{place}/leaderboard": "nobody",
    "GET /v1/public/guilds/{place}/members/{user_id}": "nobody",
    "GET /auth/discord/login": "nobody",
    "GET /auth/discord/callback": "nobody",
    "POST /auth/logout": "person",
    "GET /v1/me": "person",
    "GET /v1/me/guilds": "person",
    "GET /v1/me/sessions": "person",
    "DELETE /v1/me/sessions": "person",
    "DELETE /v1/me/sessions/{session_id}": "person",
    "GET /v1/guilds": "read",
    "GET /v1/guilds/{guild_id}": "read",
    "GET /v1/guilds/{guild_id}/access": "read",
    "PUT /v1/guilds/{guild_id}": "manage",
    "PATCH /v1/guilds/{guild_id}": "manage",
    "DELETE /v1/guilds/{guild_id}": "manage",
    "POST /v1/guilds/{guild_id}/restore": "manage",
    "GET /v1/guilds/{guild_id}/roles": "read",
    "PUT /v1/guilds/{guild_id}/roles": "manage",
    "GET /v1/guilds/{guild_id}/channels": "read",
    "PUT /v1/guilds/{guild_id}/channels": "manage",
    "POST /v1/guilds/{guild_id}/level-curve/preview": "read",
    "GET /v1/guilds/{guild_id}/settings": "read",
    "GET /v1/guilds/{guild_id}/settings/{module}": "read",
    "PATCH /v1/guilds/{guild_id}/settings/{module}": "write",
    "PUT /v1/guilds/{guild_id}/settings/{module}": "write",
    "DELETE /v1/guilds/{guild_id}/settings/{module}": "write",
    "GET /v1/guilds/{guild_id}/settings/{module}/revisions": "read",
    "POST /v1/guilds/{guild_id}/settings/{module}/revisions/{revision}/restore": "write",
    "GET /v1/modules": "read",
    "GET /v1/modules/{module}": "read",
    "PUT /v1/modules/{module}": "key",
    "POST /v1/guilds/{guild_id}/activity": "key",
    "GET /v1/guilds/{guild_id}/activity": "read",
    "POST /v1/guilds/{guild_id}/activity/explain": "read",
    "GET /v1/guilds/{guild_id}/members": "read",
    "PUT /v1/guilds/{guild_id}/members/names": "write",
    "GET /v1/guilds/{guild_id}/members/{user_id}": "read",
    "PATCH /v1/guilds/{guild_id}/members/{user_id}": "write",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}": "write",
    "POST /v1/guilds/{guild_id}/members/{user_id}/xp": "write",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/role-rewards": "read",
    "GET /v1/guilds/{guild_id}/leaderboard": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card": "read",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/card": "write",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.png": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.webp": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.svg": "read",
    "GET /v1/guilds/{guild_id}/leaderboard.png": "read",
    "GET /v1/guilds/{guild_id}/leaderboard.webp": "read",
    "GET /v1/guilds/{guild_id}/leaderboard.svg": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.png": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.webp": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.svg": "read",
    "GET /v1/cards/{link}/card.png": "nobody",
    "GET /v1/cards/{link}/card.webp": "nobody",
    "GET /v1/cards/{link}/card.svg": "nobody",
    "POST /v1/guilds/{guild_id}/members/{user_id}/card-link": "read",
    "PUT /v1/guilds/{guild_id}/card-background": "write",
    "GET /v1/guilds/{guild_id}/card-background": "read",
    "DELETE /v1/guilds/{guild_id}/card-background": "write",
    "POST /v1/guilds/{guild_id}/imports": "write",
    "GET /v1/guilds/{guild_id}/imports": "read",
    "GET /v1/imports/{import_id}": "read",
    "GET /v1/guilds/{guild_id}/export": "write",
    "DELETE /v1/achievements/{achievement}": "key",
    "DELETE /v1/guilds/{guild_id}/achievements/{achievement}": "write",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "write",
    "GET /v1/achievement-packs": "read",
    "GET /v1/achievements": "read",
    "GET /v1/achievements/{achievement}": "read",
    "GET /v1/events": "read",
    "POST /v1/guilds/{guild_id}/webhooks": "manage",
    "GET /v1/guilds/{guild_id}/webhooks": "manage",
    "GET /v1/guilds/{guild_id}/webhooks/{webhook_id}": "manage",
    "PATCH /v1/guilds/{guild_id}/webhooks/{webhook_id}": "manage",
    "DELETE /v1/guilds/{guild_id}/webhooks/{webhook_id}": "manage",
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/test": "manage",
    "GET /v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries": "read",
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries/{delivery}/resend": "manage",
    "GET /v1/guilds/{guild_id}/achievements": "read",
    "GET /v1/guilds/{guild_id}/achievements/{achievement}": "read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/achievements": "read",
    "PATCH /v1/achievements/{achievement}": "key",
    "PATCH /v1/guilds/{guild_id}/achievements/{achievement}": "write",
    "POST /v1/achievements": "key",
    "POST /v1/achievements/simulate": "key",
    "POST /v1/achievements/{achievement}/restore": "key",
    "POST /v1/guilds/{guild_id}/achievements": "write",
    "POST /v1/guilds/{guild_id}/achievements/simulate": "read",
    "POST /v1/guilds/{guild_id}/achievements/{achievement}/restore": "write",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "write",
    "DELETE /v1/users/{user_id}": "own",
    "GET /v1/users/{user_id}/export": "own",
    "GET /v1/users/{user_id}/privacy": "own",
    "PUT /v1/users/{user_id}/privacy": "own",
    "GET /v1/keys": "key",
    "POST /v1/keys": "key",
    "GET /v1/keys/{key_id}": "key",
    "DELETE /v1/keys/{key_id}": "key",
    "POST /v1/keys/{key_id}/rotate": "key",
    "GET /v1/guilds/{guild_id}/stats": "read",
    "GET /v1/guilds/{guild_id}/keys": "manage",
    "POST /v1/guilds/{guild_id}/keys": "manage",
    "DELETE /v1/guilds/{guild_id}/keys/{key_id}": "manage",
    "GET /v1/guilds/{guild_id}/audit-log": "manage",
}

LEVELS: dict[Needs, int] = {"read": 1, "write": 2, "manage": 3}
OF_SCOPES: dict[Scope, Needs] = {
    Scope.GUILDS_READ: "read",
    Scope.GUILDS_WRITE: "manage",
    Scope.SETTINGS_READ: "read",
    Scope.SETTINGS_WRITE: "write",
    Scope.MODULES_WRITE: "key",
    Scope.ACTIVITY_WRITE: "key",
    Scope.MEMBERS_READ: "read",
    Scope.MEMBERS_WRITE: "write",
    Scope.ACHIEVEMENTS_READ: "read",
    Scope.ACHIEVEMENTS_WRITE: "write",
    Scope.EVENTS_READ: "read",
    Scope.WEBHOOKS_WRITE: "manage",
    Scope.USERS_EXPORT: "own",
    Scope.USERS_ERASE: "own",
    Scope.KEYS_MANAGE: "manage",
    Scope.AUDIT_READ: "manage",
}


# Named as in the addresses.
ACHIEVEMENT = {"key": "chatterbox", "name": "One", "condition": {"stat": "messages", "gte": 1}}

TAKEN = {422, 415, 400}


ASKED = [route for route in ROUTES if route.method != "OPTIONS"]


def key_of(route: Route) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", str(route))


def test_every_route_has_a_row() -> None:
    routes = {key_of(route) for route in ASKED}
    assert routes == ROWS.keys(), "say in ROWS who may ask for it; who it is that may, is for the contract to say"


def test_a_row_says_what_the_scope_does() -> None:
    """The two tables are written separately, so a route with a wrong scope does not match its row."""
    for route in ASKED:
        if route.scope is not None:
            expected = OF_SCOPES[route.scope]
            for_keys = route.policy.bots or (route.policy.whole_installation and expected != "own")
            assert ROWS[key_of(route)] == ("key" if for_keys else expected), str(route)


def expected(route: Route, caller: Caller, guild_id: int | None, user_id: int) -> set[int]:
    """The possible statuses for this caller."""
    needs = ROWS[key_of(route)]
    if caller.refused is not None:
        return {caller.refused}
    if not caller.is_key and not caller.has_csrf and route.method != "GET":
        return {403}
    if needs == "person":
        return {403} if caller.is_key else TAKEN
    if caller.is_key and caller.lacks is not None and caller.lacks == route.scope:
        return {403}
    if not caller.is_key and needs == "key":
        return {403}
    if route.policy.whole_installation and caller.has_list:
        return {403}
    if not caller.is_key and needs == "own":
        return TAKEN if user_id == caller.user_id else {404}
    # Other parts of the address are looked up later, and may not exist.
    taken = TAKEN | ({404} if {"key_id", "user_id", "import_id", "webhook_id"} & set(route.ids) else set())
    if guild_id is None:
        return taken
    level = caller.levels.get(guild_id, 9 if caller.is_key and not caller.has_list else 0)
    if level == 0:
        return {404}
    if not caller.is_key and level < LEVELS[needs]:
        return {403}
    makes = route.policy.creates_guild and (caller.is_key or route.method != "PUT")
    return taken if guild_id in IS_THERE or makes else {404}


def cells(callers: dict[str, Caller]) -> list[tuple[Route, str, str | None]]:
    """Route, caller, and the kind of guild or owner of the address. A key that lacks a scope is tested where the scope
    matters."""
    found: list[tuple[Route, str, str | None]] = []
    for route in ASKED:
        if ROWS[key_of(route)] == "nobody":
            continue
        places: list[str | None] = [*PLACES] if "guild_id" in route.ids else [None]
        if ROWS[key_of(route)] == "own":
            places = ["their own", "another's"]
        for name, caller in callers.items():
            if caller.lacks is None or caller.lacks == route.scope:
                found += [(route, name, place) for place in places]
    return found


async def test_the_matrix(
    browsers: Browsers,
    clients: Clients,
    discord: Discord,
    bot: httpx2.AsyncClient,
    clock: MovableClock,
    owner: PlainConnection,
) -> None:
    await bot.put(f"/v1/guilds/{DELETED}", json={"name": "Deleted"})
    await bot.delete(f"/v1/guilds/{DELETED}")
    roles = {"reader_role_ids": [str(READER_ROLE)], "writer_role_ids": [str(WRITER_ROLE)]}
    await bot.put(f"/v1/guilds/{HARBOUR}/settings/privacy", json=roles)
    for path in ("/v1", f"/v1/guilds/{HARBOUR}", f"/v1/guilds/{QUARRY}"):
        made = await bot.post(f"{path}/achievements", json=ACHIEVEMENT)
        assert made.status_code == 201, made.text
    callers = await make_callers(browsers, clients, discord, clock, owner)
    before = await _rows(owner)
    asked: Counter[int] = Counter()
    wrong: list[str] = []
    async with clients.anonymous() as client:
        for route, name, place in cells(callers):
            guild_id = PLACES[place or ""] if "guild_id" in route.ids else None
            own = callers[name].user_id
            user_id = own if own is not None and place == "their own" else NOBODYS
            url = f"{route.url(guild_id=guild_id, user_id=user_id)}?no_such_parameter=1"
            answer = await client.request(route.method, url, headers=callers[name].headers)
            asked[answer.status_code] += 1
            may = expected(route, callers[name], guild_id, user_id)
            if answer.status_code not in may:
                wrong.append(f"{key_of(route)} by {name}, {place}: {answer.status_code}, not {may}: {answer.text}")
    assert not wrong, "\n".join(wrong[:50])
    assert await _rows(owner) == before, "a request that was to change nothing has changed something"
    print(f"{sum(asked.values())} cells: {dict(sorted(asked.items()))}")
    assert sum(asked.values()) > 2000
    assert set(asked) <= {401, 403, 404, *TAKEN}


async def _rows(owner: PlainConnection) -> list[object]:
    """A trace of all that a request could have changed, without rows that change by themselves."""
    tables = ("guilds", "guild_settings", "modules", "members", "imports", "audit_log", "api_keys", "sessions")
    kept = "(to_jsonb(t) - ARRAY['last_used_at', 'access_token', 'refresh_token'])::text"
    return [await owner.fetchval(f"SELECT array_agg({kept} ORDER BY {kept}) FROM {table} t") for table in tables]
