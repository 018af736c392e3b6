"""Piccolo Admin at `/admin/`: its libraries are loaded by the first request, never by the API's start."""

from typing import Any

from litestar import asgi
from litestar.types import Receive, Scope, Send

from api.admin.entrance import Entrance
from api.admin.mount import PATH, Mount
from api.config import Settings
from api.http.policy import PUBLIC


def admin_route(settings: Settings, entrance: Entrance) -> Any:  # Any: Litestar's own alias for handlers
    """The one route of the admin, for Litestar."""
    mount = Mount(settings, entrance)

    @asgi(PATH, is_mount=True, copy_scope=True, opt=PUBLIC.opt)
    async def admin(scope: Scope, receive: Receive, send: Send) -> None:
        await mount(scope, receive, send)

    return admin
