"""`/schema/openapi.json`."""

from typing import Any

from litestar import Controller, Request, get

from api.http.policy import RoutePolicy
from api.lib.encoded import Encoded, encoded
from api.lib.json import JsonObject
from api.openapi.document import document


class OpenAPIController(Controller):
    """What this application serves."""

    tags = ("operation",)

    @get("/schema/openapi.json", opt=RoutePolicy(conditional=True).opt)
    async def get_openapi(
        self,
        request: Request[Any, Any, Any],  # Any: Litestar's user, auth and state are not used
    ) -> Encoded[JsonObject]:
        """This document."""
        state = request.app.state
        if "openapi" not in state:
            state["openapi"] = encoded(document(request.app.routes))
        found: Encoded[JsonObject] = state["openapi"]
        return found
