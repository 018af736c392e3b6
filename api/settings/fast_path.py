"""The fast path of settings: answers the most frequent request of bots from memory."""

from api.auth.scopes import Scope
from api.http.fast_path import FastRequest, FastRoute, path_pattern
from api.http.responses import BytesResponse, conditional
from api.settings.service import SettingsService

TEMPLATE = "/v1/guilds/{guild_id}/settings/{module}"


def settings_route(settings: SettingsService) -> FastRoute:
    """The route of settings. It takes no slot, because it waits for nothing."""

    def prepare(request: FastRequest) -> BytesResponse | None:
        encoded = None if request.scope["query_string"] else settings.cached(request.guild_id, request.path[1])
        if encoded is None:
            return None
        return conditional(200, [], encoded.body, encoded.etag, request.headers.known)

    return FastRoute("GET", TEMPLATE, path_pattern(TEMPLATE, "[a-z][a-z0-9_]{0,63}"), Scope.SETTINGS_READ, prepare)
