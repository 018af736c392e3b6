"""Authorization: the checks of every request before its handler."""

import re
from collections.abc import Mapping
from typing import Any

from litestar.connection import Request
from litestar.enums import HttpMethod
from litestar.handlers.base import BaseRouteHandler

from api.auth.actors import Credential
from api.auth.scopes import Scope
from api.auth.sessions import Session
from api.errors import Forbidden, LoginNotConfigured, MissingScope, NotFound
from api.http.budgets import address_of
from api.http.context import context_of
from api.http.gate import Access, Gate, gate_of
from api.http.policy import RoutePolicy, policy_of
from api.lib.snowflakes import parse

Connection = Request[Any, Any, Any]  # Any: Litestar's user, auth and state are not used

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


_is_count = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


async def credential_of(connection: Connection, scope: Scope) -> Credential:
    """The present credential of a request, for an answer that goes on. Raises as `authorize` does."""
    credential, session = await _admitted(connection, scope)
    return credential if session is None else await _narrowed(connection, session, scope)


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """Authorizes a request, in this order: 401, 429, 403 for a missing scope, 404 for what the credential may not
    see."""
    # The mounted admin gets a plain connection, which has no method of its own.
    if connection.scope.get("method") == HttpMethod.OPTIONS or (policy := policy_of(handler)).is_public:
        return
    scope = policy.scope
    context, gate = context_of(connection.scope), gate_of(connection.app)
    credential, session = await _admitted(connection, scope, person=policy.person)
    if policy.bots and session is not None:
        raise MissingScope(f"This route needs the scope `{scope}` in all guilds, and people have it only in their own.")
    if session is None:
        _refuse_some_guilds(credential, policy)
    for name, value in connection.path_params.items():
        if (name.endswith("_id") and parse(value) is None) or (name == "revision" and not _is_count(value)):
            raise NotFound
    if policy.seconds is not None:
        context.give_up_after(policy.seconds)
    context.leave_slot = await gate.slots.enter(credential.family, context.is_gone)
    if session is not None and scope is not None:
        credential = context.credential = await _narrowed(connection, session, scope)
        _refuse_some_guilds(credential, policy)  # a person has all rights to their own data
    if policy.finds_key:
        await gate.find_key(credential, int(connection.path_params["key_id"]))
    if (guild := connection.path_params.get("guild_id")) is not None:
        context.guild_id = int(guild)
        # Only a bot creates a guild: a person cannot bring one in.
        may_be_new = policy.creates_guild and not (session is not None and connection.method == "PUT")
        await _find_guild(gate, credential, context.guild_id, may_be_new=may_be_new)
    await _find_parts(gate, policy, context.guild_id, connection.path_params)


async def _find_parts(gate: Gate, policy: RoutePolicy, guild_id: int | None, path: Mapping[str, str]) -> None:
    """Raises `NotFound` if the path names a webhook, an achievement or a module that does not exist."""
    if policy.finds_webhook and guild_id is not None:
        await gate.find_webhook(guild_id, int(path["webhook_id"]))
    if (key := path.get("achievement")) is not None:
        await gate.find_achievement(guild_id or 0, key, deleted=policy.deleted, anywhere="user_id" in path)
    if (module := path.get("module")) is not None:
        await gate.find_module(module, may_be_new=policy.creates_module)


async def _find_guild(gate: Gate, credential: Credential, guild_id: int, *, may_be_new: bool) -> None:
    """Raises `NotFound`. A credential that sees all guilds also learns how to create the missing one. `may_be_new`: the
    guild need not exist."""
    if not credential.sees(guild_id):
        raise NotFound
    if may_be_new:
        return
    try:
        await gate.find_guild(guild_id)
    except NotFound:
        if credential.guild_ids is not None or credential.user_id is not None:
            raise
        raise NotFound(f"There is no guild {guild_id} here yet. Send `PUT /v1/guilds/{guild_id}` first.") from None


def _refuse_some_guilds(credential: Credential, policy: RoutePolicy) -> None:
    if policy.whole_installation and credential.guild_ids is not None:
        raise Forbidden("This route concerns all guilds, and this credential has a list of guilds.")


async def _admitted(
    connection: Connection, scope: Scope | None, *, person: bool = False
) -> tuple[Credential, Session | None]:
    """The credential if it has the scope anywhere, and its session. `person`: a session is required."""
    context = context_of(connection.scope)
    credential = context.credential = await _authenticated(connection)
    await gate_of(connection.app).limiter.spend(connection.scope, credential)
    session = context.session
    if person and session is None:
        raise Forbidden("This route is for people who are logged in, not for keys.")
    if scope is not None and scope not in credential.scopes:
        whose = "this key does not have" if session is None else "people do not have"
        raise MissingScope(f"This route needs the scope `{scope}`, which {whose}.")
    return credential, session


async def _narrowed(connection: Connection, session: Session, scope: Scope) -> Credential:
    access, is_write = _access(connection), connection.method in _UNSAFE
    credential = await access.narrowed(session, connection.path_params, write=is_write)
    if scope not in credential.scopes:
        raise Forbidden(f"In this guild you do not have the scope `{scope}`.")
    return credential


def _access(connection: Connection) -> Access:
    found = gate_of(connection.app).access
    if found is None:
        raise LoginNotConfigured
    return found


async def _authenticated(connection: Connection) -> Credential:
    """The credential of a key, otherwise of a session. A session's changes need its CSRF token."""
    gate, headers = gate_of(connection.app), connection.headers
    authorization, address = headers.get("authorization"), address_of(connection.scope)
    token = None if authorization is not None else gate.sessions.token_of(headers.get("cookie"))
    if token is None:
        return await gate.keyring.authenticate(authorization, address)
    session = await gate.sessions.authenticate(token, address)
    context = context_of(connection.scope)
    credential = _access(connection).anywhere(session)
    context.session, context.credential = session, credential
    if connection.method in _UNSAFE:
        gate.sessions.check_csrf(session, headers.get("x-csrf-token"))
    return credential
