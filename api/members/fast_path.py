"""The road of profiles, with no framework on it: a key and a guild that are in memory, a plain request.

What is not plain, and whom nobody finds, is left to the ordinary route, which answers the same bytes."""

import re
from collections.abc import Coroutine

from litestar.types import HTTPScope

from api.auth.actors import Actor, Credential
from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.errors import NotFound
from api.http import fast_path_headers
from api.http.rate_limits import Limiter
from api.http.responses import BytesResponse, conditional
from api.lib import etags, snowflakes
from api.lib.encoded import encode
from api.members.service import MemberService

ROUTE = "/v1/guilds/{guild_id}/members/{user_id}"

_path = re.compile(r"/v1/guilds/([1-9][0-9]{0,18})/members/([1-9][0-9]{0,18})", re.ASCII).fullmatch


class MemberFastPath:
    def __init__(self, keyring: Keyring, limiter: Limiter, slots: Slots, members: MemberService) -> None:
        self._keyring = keyring
        self._limiter = limiter
        self._slots = slots
        self._members = members

    def answer(self, scope: HTTPScope) -> Coroutine[object, object, BytesResponse | None] | None:
        """What reads the answer, if the request is plain; None from either sends it the ordinary way."""
        match = _path(scope["path"])
        if match is None or scope["query_string"]:
            return None
        headers = fast_path_headers.read(scope)
        if headers is None:
            return None
        credential = self._keyring.cached(headers.authorization)
        guild_id, user_id = snowflakes.parse(match[1]), snowflakes.parse(match[2])
        if (
            credential is None
            or guild_id is None
            or user_id is None
            or Scope.MEMBERS_READ not in credential.scopes
            or not credential.sees(guild_id)
            or self._members.cached_config(guild_id) is None
        ):
            return None
        return self._read(scope, credential, guild_id, user_id, headers.known)

    async def _read(
        self, scope: HTTPScope, credential: Credential, guild_id: int, user_id: int, known: frozenset[str] | None
    ) -> BytesResponse | None:
        state = scope["state"]
        await self._limiter.spend(scope, credential)
        state["slot"] = await self._slots.enter(credential.family, state["is_gone"])
        state["credential"], state["guild_id"], state["route"] = credential, guild_id, ROUTE
        reader = Actor(kind="key", id=str(credential.id), credential=credential)
        try:
            body = encode(await self._members.get(reader, guild_id, user_id))
        except NotFound:
            state.pop("slot")()
            return None
        return conditional(200, [], body, etags.tag(body), known, personal=True)
