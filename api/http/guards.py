"""The first thing every request passes: who asks, may they, and do they see it?"""

import asyncio
import re
from typing import Any

from litestar.connection import Request
from litestar.handlers.base import BaseRouteHandler

from api.auth.actors import Credential
from api.auth.scopes import Scope
from api.auth.sessions import Session
from api.errors import Forbidden, LoginNotConfigured, MissingScope, NotFound
from api.http.policy import RoutePolicy, policy_of
from api.http.rate_limits import address_of
from api.lib.snowflakes import parse

Connection = Request[Any, Any, Any]  # Any: Litestar's user, auth and state are not used

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


_is_count = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


async def credential_of(connection: Connection, scope: Scope) -> Credential:
    """Who asked, as they are now and there: for an answer that goes on. Raises what `authorize` does."""
    credential, session = await _admitted(connection, scope)
    return credential if session is None else await _narrowed(connection, session, scope)


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """401, then 429, 403 for a scope the credential lacks, then 404 for what it may not see."""
    policy = policy_of(handler)
    scope = policy.scope
    state = connection.scope["state"]
    services = connection.app.state
    credential, session = await _admitted(connection, scope, person=policy.person)
    if session is None:
        _refuse_some_guilds(credential, policy)
    for name, value in connection.path_params.items():
        if (name.endswith("_id") and parse(value) is None) or (name == "revision" and not _is_count(value)):
            raise NotFound
    if policy.seconds is not None:
        state["deadline"].reschedule(asyncio.get_running_loop().time() + policy.seconds)
    state["slot"] = await services["slots"].enter(credential.family, state["is_gone"])
    if session is not None and scope is not None:
        credential = state["credential"] = await _narrowed(connection, session, scope)
        _refuse_some_guilds(credential, policy)  # of themselves a person has all
    if policy.finds_key:
        await services["keys"].require(credential, int(connection.path_params["key_id"]))
    if (text := connection.path_params.get("guild_id")) is not None:
        guild_id = int(text)
        state["guild_id"] = guild_id
        if not credential.sees(guild_id):
            raise NotFound
        # A guild is made by its bot: a person would bring in one where there is none.
        if not policy.creates_guild or (session is not None and connection.method == "PUT"):
            await services["directory"].require(guild_id)
    if policy.finds_webhook:
        await services["webhooks"].require(state["guild_id"], int(connection.path_params["webhook_id"]))
    if (key := connection.path_params.get("achievement")) is not None:
        is_members = "user_id" in connection.path_params
        guild_id = state.get("guild_id", 0)
        await services["achievements"].require(guild_id, key, deleted=policy.deleted, anywhere=is_members)
    if (module := connection.path_params.get("module")) is not None:
        await services["registry"].require(module, may_be_new=policy.creates_module)


def _refuse_some_guilds(credential: Credential, policy: RoutePolicy) -> None:
    if policy.whole_installation and credential.guild_ids is not None:
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
