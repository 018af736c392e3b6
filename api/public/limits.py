"""The budget of an address for public pages."""

from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import HTTPScope

from api.http.gate import gate_of

A_MINUTE = 60


async def spend(
    connection: ASGIConnection[Any, Any, Any, Any],  # Any: Litestar's own
    _: BaseRouteHandler,
) -> None:
    """A guard: takes the request off the budget of its address. Raises `TooManyRequests`."""
    scope = cast("HTTPScope", connection.scope)  # no route here is a WebSocket's
    await gate_of(connection.app).limiter.spend_of_address(scope, "public", A_MINUTE)
