"""The fast path of leaderboards, for guilds whose leveling config is in memory."""

import re

import msgspec

from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.errors import Invalid, NotFound
from api.http.fast_path import FastHandler, FastRequest, FastRoute, path_pattern
from api.http.responses import BytesResponse, base_url, listed, next_page
from api.leaderboards.dtos import LeaderboardQuery
from api.leaderboards.service import LeaderboardService
from api.lib import snowflakes
from api.lib.encoded import encode
from api.lib.pagination import BadCursor

TEMPLATE = "/v1/guilds/{guild_id}/leaderboard"

_is_host = re.compile(rb"[a-z0-9.-]+(:[0-9]+)?").fullmatch
_is_plain = re.compile(r"[A-Za-z0-9_-]+", re.ASCII).fullmatch
_is_limit = re.compile(r"[1-9][0-9]{0,8}", re.ASCII).fullmatch


def board_route(leaderboards: LeaderboardService, slots: Slots, public_url: str | None = None) -> FastRoute:
    """`public_url`: the configured base of URLs. Litestar handles queries and cursors with faults."""

    def prepare(request: FastRequest) -> FastHandler | None:
        scope, host = request.scope, request.headers.host
        if host is None or _is_host(host) is None or scope.get("root_path"):
            return None
        if leaderboards.cached_config(request.guild_id) is None:
            return None
        read = _read_query(scope["query_string"])
        if read is None:
            return None
        query, rest = read
        url = f"{base_url(public_url, scope['scheme'], host.decode())}{scope['path']}?{rest}"

        async def answer(_body: bytes) -> BytesResponse | None:
            try:
                view = await leaderboards.read(request.reader, request.guild_id, query)
            except (Invalid, NotFound, BadCursor):
                return None
            return listed(200, [], encode(view), next_page(url, view.next_cursor))

        return answer

    return FastRoute("GET", TEMPLATE, path_pattern(TEMPLATE), Scope.MEMBERS_READ, prepare, slots)


def _read_query(raw: bytes) -> tuple[LeaderboardQuery, str] | None:
    """A query of plain parameters, each given once, and its part that the URL of the next page repeats."""
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
