"""The first thing every request passes: who asks, may they, and do they see it?"""

import asyncio
import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from api.auth.actors import Credential
from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.errors import Forbidden, MissingScope, NotFound
from api.lib.snowflakes import parse

Connection = ASGIConnection[Any, Any, Any, Any]  # Any: Litestar's user, auth and state are not used

PUBLIC: dict[str, object] = {"scope": None}


def requires(scope: Scope, **more: object) -> dict[str, object]:
    """A route's `opt`: the scope it needs. More of it: `conditional` (answers carry an ETag),
    `creates_guild`, `creates_module` (what the address names need not exist), `optional_body`, `merge_patch`,
    `conflicts` (may answer 409), `if_match` (takes If-Match), `statuses` (when it has two),
    `keys` (the key in the address is looked for before the body is read), `whole_installation` (not for
    a key with a list of guilds), `seconds` (its own deadline), `largest_body` (in bytes, where it is not 1 MiB),
    `deep_member` (of the body: 422, not 400, where it nests too deep), `streams` (the answer does not end)."""
    return {"scope": scope, **more}


_is_count = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


async def credential_of(connection: Connection, scope: Scope) -> Credential:
    """Who asked, as they are now: for an answer that goes on. Raises `Unauthorized`, `MissingScope`."""
    credential = await _authenticate(connection)
    _require(credential, scope)
    return credential


async def _authenticate(connection: Connection) -> Credential:
    keyring: Keyring = connection.app.state["keyring"]
    return await keyring.authenticate(connection.headers.get("authorization"))


def _require(credential: Credential, scope: Scope) -> None:
    if scope not in credential.scopes:
        raise MissingScope(f"This route needs the scope `{scope}`, which this key does not have.")


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """401, then 429, 403 for a scope the credential lacks, then 404 for what it may not see."""
    scope = handler.opt["scope"]
    state = connection.scope["state"]
    services = connection.app.state
    credential = state["credential"] = await _authenticate(connection)
    await services["limiter"].spend(connection.scope, credential)
    _require(credential, scope)
    if "whole_installation" in handler.opt and credential.guild_ids is not None:
        raise Forbidden("This concerns every guild, and this key has a list of guilds.")
    for name, value in connection.path_params.items():
        if (name.endswith("_id") and parse(value) is None) or (name == "revision" and not _is_count(value)):
            raise NotFound
    if "seconds" in handler.opt:
        state["deadline"].reschedule(asyncio.get_running_loop().time() + handler.opt["seconds"])
    state["slot"] = await services["slots"].enter(credential.id)
    if "keys" in handler.opt:
        await services["keys"].require(credential, int(connection.path_params["key_id"]))
    if (text := connection.path_params.get("guild_id")) is not None:
        guild_id = int(text)
        state["guild_id"] = guild_id
        if not credential.sees(guild_id):
            raise NotFound
        if "creates_guild" not in handler.opt:
            await services["directory"].require(guild_id)
    if (module := connection.path_params.get("module")) is not None:
        await services["registry"].require(module, may_be_new="creates_module" in handler.opt)
