"""`/schema/openapi.json`."""

from typing import Any

from litestar import Controller, Litestar, Request, get
from litestar.di import NamedDependency

from api.http.policy import RoutePolicy
from api.lib.encoded import Encoded, encoded
from api.lib.json import JsonObject
from api.openapi.document import document


class Described:
    """The document of an application, made at the first request for it."""

    def __init__(self) -> None:
        self._made: Encoded[JsonObject] | None = None

    def of(self, app: Litestar) -> Encoded[JsonObject]:
        """The document with its entity tag."""
        if self._made is None:
            content: JsonObject = document(app.routes)  # type: ignore[assignment] # it is made of nothing else
            self._made = encoded(content)
        return self._made


class OpenAPIController(Controller):
    """The route of the OpenAPI document."""

    tags = ("operation",)

    @get("/schema/openapi.json", opt=RoutePolicy(conditional=True).opt)
    async def get_openapi(
        self,
        request: Request[Any, Any, Any],  # Any: Litestar's user, auth and state are not used
        described: NamedDependency[Described],
    ) -> Encoded[JsonObject]:
        """Get this document."""
        return described.of(request.app)
