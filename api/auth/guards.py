"""The first thing every request passes: who asks, may they, and do they see it?"""

import asyncio
import re
from typing import Any

from litestar.connection import Request
from litestar.handlers.base import BaseRouteHandler

from api.auth.actors import Credential
from api.auth.scopes import Scope
from api.errors import Forbidden, LoginNotConfigured, MissingScope, NotFound
from api.http.rate_limits import address_of
from api.lib.snowflakes import parse
from api.people.sessions import Session

Connection = Request[Any, Any, Any]  # Any: Litestar's user, auth and state are not used

PUBLIC: dict[str, object] = {"scope": None}

# Of somebody who is logged in, and of no bot.
PERSON: dict[str, object] = {"scope": None, "person": True}

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def requires(scope: Scope, **more: object) -> dict[str, object]:
    """A route's `opt`: the scope it needs. More of it: `conditional` (answers carry an ETag), `personal` (they say
    something of people, which no browser is to keep), `creates_guild`, `creates_module` (what the address names
    need not exist), `optional_body`, `merge_patch`, `conflicts` (may answer 409), `if_match` (takes If-Match),
    `statuses` (when it has two), `keys`, `webhooks` (the one in the address is looked for before the body is read),
    `whole_installation` (not for a key with a list of guilds), `seconds` (its own deadline), `largest_body` (in
    bytes, where it is not 1 MiB), `most_values` (of the body, where more than usual), `deep_member` (of the body:
    422, not 400, where it nests too deep), `streams` (the answer does not end), `document` (the shape of an answer
    that is sent in pieces), `deleted` (the achievement in the address may be a deleted one), `effect_free` (of a
    POST: nothing is stored, so no answer is kept either)."""
    return {"scope": scope, **more}


_is_count = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


async def credential_of(connection: Connection, scope: Scope) -> Credential:
    """Who asked, as they are now and there: for an answer that goes on. Raises what `authorize` does."""
    credential, session = await _admitted(connection, scope)
    return credential if session is None else await _narrowed(connection, session, scope)


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """401, then 429, 403 for a scope the credential lacks, then 404 for what it may not see."""
    scope = handler.opt["scope"]
    state = connection.scope["state"]
    services = connection.app.state
    credential, session = await _admitted(connection, scope, person="person" in handler.opt)
    if session is None:
        _refuse_some_guilds(credential, handler)
    for name, value in connection.path_params.items():
        if (name.endswith("_id") and parse(value) is None) or (name == "revision" and not _is_count(value)):
            raise NotFound
    if "seconds" in handler.opt:
        state["deadline"].reschedule(asyncio.get_running_loop().time() + handler.opt["seconds"])
    state["slot"] = await services["slots"].enter(credential.id, state["is_gone"])
    if session is not None and scope is not None:
        credential = state["credential"] = await _narrowed(connection, session, scope)
        _refuse_some_guilds(credential, handler)  # of themselves a person has all
    if "keys" in handler.opt:
        await services["keys"].require(credential, int(connection.path_params["key_id"]))
    if (text := connection.path_params.get("guild_id")) is not None:
        guild_id = int(text)
        state["guild_id"] = guild_id
        if not credential.sees(guild_id):
            raise NotFound
        # A guild is made by its bot: a person would bring in one where there is none.
        if "creates_guild" not in handler.opt or (session is not None and connection.method == "PUT"):
            await services["directory"].require(guild_id)
    if "webhooks" in handler.opt:
        await services["webhooks"].require(state["guild_id"], int(connection.path_params["webhook_id"]))
    if (key := connection.path_params.get("achievement")) is not None:
        is_members = "user_id" in connection.path_params
        guild_id = state.get("guild_id", 0)
        await services["achievements"].require(guild_id, key, deleted="deleted" in handler.opt, anywhere=is_members)
    if (module := connection.path_params.get("module")) is not None:
        await services["registry"].require(module, may_be_new="creates_module" in handler.opt)


def _refuse_some_guilds(credential: Credential, handler: BaseRouteHandler) -> None:
    if "whole_installation" in handler.opt and credential.guild_ids is not None:
        raise Forbidden("This concerns every guild, and this credential is for some guilds.")


async def _admitted(
    connection: Connection, scope: Scope | None, *, person: bool = False
) -> tuple[Credential, Session | None]:
    """Who asks, if they have the scope anywhere, and their session if they have one. `person`: it must be."""
    state = connection.scope["state"]
    credential = state["credential"] = await _authenticated(connection)
    await connection.app.state["limiter"].spend(connection.scope, credential)
    session: Session | None = state.get("session")
    if person and session is None:
        raise Forbidden("This is about somebody who is logged in, and a key is nobody.")
    if scope is not None and scope not in credential.scopes:
        whose = "this key does not have" if session is None else "people do not have"
        raise MissingScope(f"This route needs the scope `{scope}`, which {whose}.")
    return credential, session


async def _narrowed(connection: Connection, session: Session, scope: Scope) -> Credential:
    access, is_write = connection.app.state["people"].access, connection.method in _UNSAFE
    credential: Credential = await access.narrowed(session, connection.path_params, write=is_write)
    if scope not in credential.scopes:
        raise Forbidden(f"In this guild you do not have the scope `{scope}`.")
    return credential


async def _authenticated(connection: Connection) -> Credential:
    """The credential of a key or, where there is none, of a session, whose changes need its CSRF token."""
    services, headers = connection.app.state, connection.headers
    authorization, address = headers.get("authorization"), address_of(connection.scope)
    people = services["people"]
    token = None if authorization is not None else people.sessions.token_of(headers.get("cookie"))
    if token is None:
        credential: Credential = await services["keyring"].authenticate(authorization, address)
        return credential
    session = await people.sessions.authenticate(token, address)
    if people.access is None:
        raise LoginNotConfigured
    connection.scope["state"]["session"] = session
    credential = connection.scope["state"]["credential"] = people.access.anywhere(session)
    if connection.method in _UNSAFE:
        people.sessions.check_csrf(session, headers.get("x-csrf-token"))
    return credential
