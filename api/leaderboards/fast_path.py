"""The road of boards, with no framework on it: a key and a guild that are in memory, a plain request.

What is not plain, and what is wrong, is left to the ordinary route, which answers the same bytes."""

import re
from collections.abc import Coroutine
from typing import NamedTuple

import msgspec
from litestar.types import HTTPScope

from api.auth.actors import Actor, Credential
from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.errors import Invalid, NotFound
from api.http import fast_path_headers
from api.http.rate_limits import Limiter
from api.http.responses import BytesResponse, base_url, listed, next_page
from api.leaderboards.dtos import LeaderboardQuery
from api.leaderboards.service import LeaderboardService
from api.lib import snowflakes
from api.lib.encoded import encode
from api.lib.pagination import BadCursor

ROUTE = "/v1/guilds/{guild_id}/leaderboard"

_path = re.compile(r"/v1/guilds/([1-9][0-9]{0,18})/leaderboard", re.ASCII).fullmatch
_is_host = re.compile(rb"[a-z0-9.-]+(:[0-9]+)?").fullmatch
_is_plain = re.compile(r"[A-Za-z0-9_-]+", re.ASCII).fullmatch
_is_limit = re.compile(r"[1-9][0-9]{0,8}", re.ASCII).fullmatch


class _Asked(NamedTuple):
    """A board, and the address of its pages without their cursors."""

    guild_id: int
    query: LeaderboardQuery
    url: str


class LeaderboardFastPath:
    def __init__(
        self,
        keyring: Keyring,
        limiter: Limiter,
        slots: Slots,
        leaderboards: LeaderboardService,
        public_url: str | None = None,
    ) -> None:
        """`public_url`: where the addresses of pages begin, where that is configured."""
        self._keyring = keyring
        self._limiter = limiter
        self._slots = slots
        self._leaderboards = leaderboards
        self._public_url = public_url

    def answer(self, scope: HTTPScope) -> Coroutine[object, object, BytesResponse | None] | None:
        """What reads the answer, if the request is plain; None from either sends it the ordinary way."""
        match = _path(scope["path"])
        if match is None:
            return None
        headers = fast_path_headers.read(scope)
        if headers is None or headers.host is None or _is_host(headers.host) is None or scope.get("root_path"):
            return None
        credential = self._keyring.cached(headers.authorization)
        guild_id = snowflakes.parse(match[1])
        if (
            credential is None
            or guild_id is None
            or Scope.MEMBERS_READ not in credential.scopes
            or not credential.sees(guild_id)
            or self._leaderboards.cached_config(guild_id) is None
        ):
            return None
        read = _read_query(scope["query_string"])
        if read is None:
            return None
        query, rest = read
        url = f"{base_url(self._public_url, scope['scheme'], headers.host.decode())}{scope['path']}?{rest}"
        return self._read(scope, credential, _Asked(guild_id, query, url))

    async def _read(self, scope: HTTPScope, credential: Credential, asked: _Asked) -> BytesResponse | None:
        state = scope["state"]
        await self._limiter.spend(scope, credential)
        state["slot"] = await self._slots.enter(credential.family, state["is_gone"])
        state["credential"], state["guild_id"], state["route"] = credential, asked.guild_id, ROUTE
        reader = Actor(kind="key", id=str(credential.id), credential=credential)
        try:
            view = await self._leaderboards.read(reader, asked.guild_id, asked.query)
        except (Invalid, NotFound, BadCursor):
            state.pop("slot")()
            return None
        return listed(200, [], encode(view), next_page(asked.url, view.next_cursor))


def _read_query(raw: bytes) -> tuple[LeaderboardQuery, str] | None:
    """A query of plain words, each given once, and what of it the address of the next page takes over."""
    values: dict[str, str | int] = {}
    rest = ""
    for pair in raw.decode("latin-1").split("&") if raw else ():
        name, _, value = pair.partition("=")
        if name in values or _is_plain(value) is None:
            return None
        if name == "limit":
            if _is_limit(value) is None:
                return None
            values[name] = int(value)
        else:
            values[name] = value
        if name not in ("cursor", "around"):
            rest += f"{pair}&"
    try:
        return msgspec.convert(values, LeaderboardQuery, dec_hook=snowflakes.decode), rest
    except msgspec.ValidationError:
        return None
