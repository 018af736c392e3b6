"""Who sees somebody hidden: every route that can name a member, asked by every kind of caller.

Which routes can is read from the document and the addresses; one without a row fails."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from secrets import token_hex
from typing import Any, Literal

import httpx2
import msgspec
import pytest

from api.auth.scopes import ALL, Scope
from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.architecture.described import Description
from tests.imports.files import imported, lines
from tests.members.people import give, leveling
from tests.requests.routes import ROUTES, Route
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.discord import Discord, Member
from tests.support.people import ADA, BO, HARBOUR

Json = dict[str, Any]  # Any: JSON

READERS, WRITERS = 700, 800
CARA, DAN, NOBODY = 601, 602, 603
MEMBER = f"/v1/guilds/{HARBOUR}/members/{BO}"

# How a route names people. `address`: one, who is 404 for whom they are hidden from. `list`: many, without those.
# `board`: many, and nobody who is hidden. `own`: one, and what it asks of who asks is another right; nobody else
# is named. `stream`: with what the credential may see otherwise, in tests/events/test_rights.py.
# `public`, `picture`: the same, in tests/public and tests/cards.
Naming = Literal["address", "list", "board", "explain", "own", "stream", "public", "picture"]
ROWS: dict[str, Naming] = {
    "GET /v1/guilds/{guild_id}/members": "list",
    "PUT /v1/guilds/{guild_id}/members/names": "own",  # it answers with numbers
    "GET /v1/guilds/{guild_id}/members/{user_id}": "address",
    "PATCH /v1/guilds/{guild_id}/members/{user_id}": "address",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}": "address",
    "POST /v1/guilds/{guild_id}/members/{user_id}/xp": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/role-rewards": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/achievements": "address",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "address",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "address",
    "GET /v1/guilds/{guild_id}/leaderboard": "board",
    "GET /v1/guilds/{guild_id}/imports": "list",
    "GET /v1/imports/{import_id}": "list",
    "GET /v1/guilds/{guild_id}/export": "list",
    "GET /v1/guilds/{guild_id}/audit-log": "list",
    "POST /v1/guilds/{guild_id}/activity/explain": "explain",
    "POST /v1/guilds/{guild_id}/activity": "own",  # by bots alone, who get what they report
    "POST /v1/guilds/{guild_id}/imports": "own",  # nothing is previewed yet when it is answered
    "DELETE /v1/users/{user_id}": "own",
    "GET /v1/users/{user_id}/export": "own",
    "GET /v1/users/{user_id}/privacy": "own",
    "PUT /v1/users/{user_id}/privacy": "own",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card": "address",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/card": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.png": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.png": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.webp": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.webp": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.svg": "address",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.svg": "address",
    "GET /v1/guilds/{guild_id}/card-background": "own",  # the guild's picture
    "GET /v1/cards/{link}/card.png": "picture",
    "GET /v1/guilds/{guild_id}/leaderboard.png": "picture",
    "GET /v1/cards/{link}/card.webp": "picture",
    "GET /v1/guilds/{guild_id}/leaderboard.webp": "picture",
    "GET /v1/cards/{link}/card.svg": "picture",
    "GET /v1/guilds/{guild_id}/leaderboard.svg": "picture",
    "GET /v1/events": "stream",
    "GET /v1/public/guilds/{place}/leaderboard": "public",
    "GET /v1/public/guilds/{place}/members/{user_id}": "public",
    "POST /v1/guilds/{guild_id}/members/{user_id}/card-link": "address",
}
BOARDS = (
    "",
    "?stat=messages",
    "?stat=duels",
    "?period=day",
    "?period=week&stat=duels",
    "?from=2026-01-01&to=2036-12-31",
)
BODIES: dict[str, Json] = {
    "/xp": {"amount": 1},
    "/explain": {"events": [message("new", user=BO)]},
    "/card": {"accent": None},
}


def _body(route: Route) -> Json | None:
    if route.method == "PATCH":
        return {"username": "bo"}
    return next((body for end, body in BODIES.items() if route.path.endswith(end)), None)


def _names_people(node: object, description: Description, seen: set[str]) -> bool:
    """Whether a schema has a member `user_id` anywhere, or says nothing of what it has."""
    if isinstance(node, list):
        return any(_names_people(each, description, seen) for each in node)
    if not isinstance(node, dict):
        return False
    if (name := node.get("$ref")) is not None:
        if name in seen:
            return False
        seen.add(name)
        return _names_people(description.resolved(node), description, seen)
    return "user_id" in node.get("properties", {}) or any(
        _names_people(value, description, seen) for key, value in node.items() if key != "examples"
    )


async def test_every_route_that_can_has_a_row(anonymous: httpx2.AsyncClient) -> None:
    description = Description((await anonymous.get("/schema/openapi.json")).json())
    found = set()
    for path, item in description.document["paths"].items():
        if not path.startswith("/v1"):
            continue
        for method, operation in item.items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            answers = {status: body.get("content", {}) for status, body in operation["responses"].items()}
            content = {
                kind: media for status, body in answers.items() if status[0] == "2" for kind, media in body.items()
            }
            is_open = any("json" not in kind or "ndjson" in kind for kind in content if "msgpack" not in kind)
            if (
                "{user_id}" in path
                or is_open
                or _names_people(content, description, set())
                or _names_people(operation.get("requestBody", {}), description, set())
            ):
                found.add(f"{method.upper()} {path}")
    found.add("GET /v1/guilds/{guild_id}/audit-log")  # by `target`
    assert found == ROWS.keys()


async def _import(bot: httpx2.AsyncClient) -> str:
    done = await imported(bot, "csv", f"user_id,xp\n{ADA},5\n{BO},6\n".encode(), dry_run=True)
    return str(done["id"])


@pytest.fixture
async def callers(
    browsers: Browsers, clients: Clients, discord: Discord, bot: httpx2.AsyncClient
) -> AsyncIterator[Mapping[str, httpx2.AsyncClient]]:
    """Everybody who may ask Harbour anything, Bo himself among them, who is hidden."""
    roles = {"reader_role_ids": [str(READERS)], "writer_role_ids": [str(WRITERS)]}
    await bot.put(f"/v1/guilds/{HARBOUR}/settings/privacy", json=roles)
    discord.people |= {CARA: "cara", DAN: "dan"}
    discord.members[HARBOUR] |= {
        BO: Member(roles=[READERS, WRITERS]), CARA: Member(roles=[WRITERS]), DAN: Member(roles=[READERS]),
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        made = {
            "the bot": await clients.bot(guilds=[HARBOUR]),
            "a key without members:write": await clients.bot(scopes=ALL - {Scope.MEMBERS_WRITE}),
            "a manager": await browsers.log_in(ADA),
            "a writer": await browsers.log_in(CARA),
            "a reader": await browsers.log_in(DAN),
            "themselves": await browsers.log_in(BO),
        }
        for client in made.values():
            stack.push_async_callback(client.aclose)
        yield made


SEES = ("the bot", "themselves")


async def test_each_route_by_each_caller(bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]) -> None:
    await leveling(bot, cooldown_seconds=3600, xp_per_message={"min": 200, "max": 200})
    await define(bot, draft(gte=1))
    for n, user in enumerate((ADA, BO)):
        duels = {**message(f"duel {n}", user=user), "type": "stat", "stat": "duels", "amount": 2}
        await record(bot, message(f"message {n}", user=user), duels)
        await give(bot, user, 700)
    values = {"guild_id": HARBOUR, "user_id": BO, "import_id": await _import(bot)}
    hidden = await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    assert hidden.status_code == 200
    routes = {str(route): route for route in ROUTES}
    wrong: list[str] = []
    # What changes something comes last, and is asked first by those who may not.
    for name, naming in sorted(ROWS.items(), key=lambda row: row[0].split()[0] != "GET"):
        route = routes[name]
        for who, client in sorted(callers.items(), key=lambda caller: caller[0] in SEES):
            for query in BOARDS if naming == "board" else ("",):
                body = _body(route)
                if naming in ("own", "stream", "public", "picture"):
                    continue
                if route.method == "DELETE":  # what the one before has taken away
                    await record(bot, message(token_hex(8), user=BO))
                    await bot.put(f"{MEMBER}/achievements/chatterbox")
                answer = await client.request(route.method, route.url(**values) + query, json=body)
                if fault := _fault(naming, answer, sees=who in SEES):
                    wrong.append(f"{name}{query} by {who}: {fault}: {answer.status_code} {answer.text[:200]}")
        if naming == "board":
            for who, client in callers.items():
                around = await client.get(f"{route.url(**values)}?around={BO}")
                if around.status_code != 404:
                    wrong.append(f"{name} around them by {who}: {around.status_code}")
    assert not wrong, "\n".join(wrong)


def _fault(naming: Naming, answer: httpx2.Response, *, sees: bool) -> str | None:
    """What is wrong with an answer; None: nothing. Who lacks the route's scope sees no more than that."""
    if answer.status_code == 403:
        return None
    if naming == "address":
        return None if answer.is_success is sees and (sees or answer.status_code == 404) else "of them"
    if not answer.is_success:
        return "refused"
    if naming == "explain":
        (item,) = answer.json()["items"]
        return None if (item["xp"] == 0) is sees else "what they earn shows when they last wrote"
    is_named = str(BO) in answer.text
    if naming == "board":
        return "named" if is_named else None
    return None if is_named is sees else "named" if is_named else "not named"


async def test_the_rank_of_who_is_hidden_is_null(
    bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]
) -> None:
    await give(bot, BO, 700)
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    for who in SEES:
        assert (await callers[who].get(MEMBER)).json()["rank"] is None
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "public"})
    for client in callers.values():
        assert (await client.get(MEMBER)).json()["rank"] == 1


async def test_an_audit_entry_of_theirs_shows_who_did_it_and_no_more(
    bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]
) -> None:
    await bot.post(f"{MEMBER}/xp", json={"set": 700}, headers={"X-Audit-Log-Reason": f"for%20{BO}"})
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    log = f"/v1/guilds/{HARBOUR}/audit-log?action=member.xp_adjusted"
    (entry,) = (await callers["a manager"].get(log)).json()["items"]
    assert (entry["actor"]["kind"], entry["target"], entry["reason"], entry["changes"]) == ("key", None, None, {})
    (entry,) = (await bot.get(log)).json()["items"]
    assert (entry["target"], entry["changes"]) == (str(BO), {"xp": {"before": 0, "after": 700}})


async def test_hidden_and_unknown_are_alike(bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]) -> None:
    """By every route of a member, to everybody who may not see hidden people; and nobody is made a member by it."""
    await define(bot, draft(gte=1000))
    await give(bot, BO, 700)
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    routes = [route for route in ROUTES if ROWS.get(str(route)) == "address"]
    assert {route.method for route in routes} == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    for route in routes:
        body = _body(route)
        for who in callers.keys() - set(SEES):
            answers = {}
            for user in (BO, NOBODY):
                url = route.url(guild_id=HARBOUR, user_id=user, achievement="chatterbox")
                answer = await callers[who].request(route.method, url, json=body)
                said = answer.json()
                del said["request_id"]
                answers[user] = answer.status_code, {**said, "instance": said["instance"].replace(str(user), "")}
            assert answers[BO] == answers[NOBODY], f"{route} by {who}"
            assert answers[BO][0] in (403, 404)
    unknown = f"/v1/guilds/{HARBOUR}/members/{NOBODY}"
    assert (await bot.get(unknown)).status_code == 404
    assert (await bot.get(f"{unknown}/role-rewards")).status_code == 200
    assert (await bot.post(f"{unknown}/xp", json={"amount": 1})).status_code == 200, "a guild's bot makes members"


async def test_what_is_refused_changes_nothing(
    bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]
) -> None:
    await define(bot, draft(gte=1000))
    await give(bot, BO, 700)
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    before = msgspec.json.decode((await bot.get(MEMBER)).content)
    manager = callers["a manager"]
    for method, path, body in (
        ("POST", "/xp", {"set": 1}), ("PATCH", "", {"username": "x"}),
        ("PUT", "/achievements/chatterbox", None), ("DELETE", "", None),
    ):  # fmt: skip
        assert (await manager.request(method, MEMBER + path, json=body)).status_code == 404
    assert (await bot.get(MEMBER)).json() == before


async def test_an_imports_counts_reveal_nothing(
    bot: httpx2.AsyncClient, callers: Mapping[str, httpx2.AsyncClient]
) -> None:
    """Else a manager asked with a lower number each time, until a dry run had something to change."""
    await bot.post(f"{MEMBER}/xp", json={"set": 500})
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden", "opt_out": False})
    for name in ("a manager", "a writer", "themselves", "the bot"):
        for xp, changes in ((400, 0), (600, 1)):
            line = {"member": {"user_id": str(BO), "xp": xp}}
            files = {"csv": f"user_id,xp\n{BO},{xp}\n".encode(), "guildhall": lines({"guildhall": 1}, line)}
            for source, file in files.items():
                done = await imported(callers[name], source, file, mode="max", dry_run=True)
                assert (done["status"], done["counts"]["refused"]) == ("finished", 0), name
                assert done["counts"]["imported"] == (changes if name in SEES else 1), (name, source, xp)
    await imported(callers["a manager"], "csv", f"user_id,xp\n{BO},7\n".encode())
    assert (await bot.get(MEMBER)).json()["xp"] == 500, "theirs to change by no other route either"
