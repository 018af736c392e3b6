"""Profiles of members, in a guild whose leveling config is in memory."""

from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.errors import NotFound
from api.http.fast_path import FastHandler, FastRequest, FastRoute, path_pattern
from api.http.responses import BytesResponse, conditional
from api.lib import etags, snowflakes
from api.lib.encoded import encode
from api.members.service import MemberService

TEMPLATE = "/v1/guilds/{guild_id}/members/{user_id}"


def profile_route(members: MemberService, slots: Slots) -> FastRoute:
    """Whom nobody finds is left to Litestar's way."""

    def prepare(request: FastRequest) -> FastHandler | None:
        user_id = snowflakes.parse(request.path[1])
        if request.scope["query_string"] or user_id is None or members.cached_config(request.guild_id) is None:
            return None

        async def answer(_body: bytes) -> BytesResponse | None:
            try:
                body = encode(await members.get(request.reader, request.guild_id, user_id))
            except NotFound:
                return None
            return conditional(200, [], body, etags.tag(body), request.headers.known, personal=True)

        return answer

    return FastRoute("GET", TEMPLATE, path_pattern(TEMPLATE), Scope.MEMBERS_READ, prepare, slots)
