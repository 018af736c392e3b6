"""Recording of plain events, in a guild whose leveling config is in memory: Litestar's way costs more than to count one
event."""

import msgspec

from api.activity.dtos import RecordActivity
from api.activity.service import ActivityService
from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.http.fast_path import FastHandler, FastRequest, FastRoute, path_pattern
from api.http.responses import JSON, BytesResponse
from api.lib import snowflakes
from api.lib.bounds import has_endless_number

TEMPLATE = "/v1/guilds/{guild_id}/activity"

_decode = msgspec.json.Decoder(RecordActivity, dec_hook=snowflakes.decode).decode
_encode = msgspec.json.Encoder().encode
_HEADERS = [(b"content-type", JSON.encode()), (b"cache-control", b"no-store")]


def recording_route(activity: ActivityService, slots: Slots) -> FastRoute:
    """A body that is wrong is read again on Litestar's way, which says what is wrong with it."""

    def prepare(request: FastRequest) -> FastHandler | None:
        if request.scope["query_string"] or activity.cached_config(request.guild_id) is None:
            return None

        async def answer(body: bytes) -> BytesResponse | None:
            data = _decoded(body)
            if data is None:
                return None
            return BytesResponse(200, _HEADERS.copy(), _encode(await activity.record(request.guild_id, data.events)))

        return answer

    return FastRoute("POST", TEMPLATE, path_pattern(TEMPLATE), Scope.ACTIVITY_WRITE, prepare, slots)


def _decoded(body: bytes) -> RecordActivity | None:
    if has_endless_number(body):
        return None
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
