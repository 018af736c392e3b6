"""The road that bots take most, with no framework on it: settings that are in memory already.

Litestar's own path from a route to an answer costs more than everything else in such a read.
What is not plain (a query, MessagePack, a header that comes twice, a list of entity tags, a key or
settings not in memory, any doubt) is left to
the ordinary route, which answers the same bytes.
"""

import re

from litestar.types import HTTPScope

from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.http import fast_path_headers
from api.http.rate_limits import Limiter
from api.http.responses import BytesResponse, conditional
from api.lib import snowflakes
from api.settings.service import SettingsService

ROUTE = "/v1/guilds/{guild_id}/settings/{module}"

_path = re.compile(r"/v1/guilds/([1-9][0-9]{0,18})/settings/([a-z][a-z0-9_]{0,63})", re.ASCII).fullmatch


class SettingsFastPath:
    def __init__(self, keyring: Keyring, limiter: Limiter, settings: SettingsService) -> None:
        self._keyring = keyring
        self._limiter = limiter
        self._settings = settings

    def answer(self, scope: HTTPScope) -> BytesResponse | None:
        """The answer, if all of it is in memory; None sends the request the ordinary way."""
        match = _path(scope["path"])
        if match is None or scope["query_string"]:
            return None
        headers = fast_path_headers.read(scope)
        if headers is None:
            return None
        guild_id = snowflakes.parse(match[1])
        credential = self._keyring.cached(headers.authorization)
        if credential is None or guild_id is None or not credential.sees(guild_id):
            return None
        encoded = self._settings.cached(guild_id, match[2])
        if encoded is None or Scope.SETTINGS_READ not in credential.scopes:
            return None
        if not self._limiter.spend_at_once(scope, credential):
            return None
        state = scope["state"]
        state["credential"], state["guild_id"], state["route"] = credential, guild_id, ROUTE
        return conditional(200, [], encoded.body, encoded.etag, headers.known)
