"""Builds Piccolo Admin. Imports FastAPI and Pydantic: only `mount` imports this, in a thread."""

import warnings
from typing import NoReturn, cast
from urllib.parse import urlsplit

from fastapi import FastAPI
from piccolo_admin.endpoints import create_admin
from piccolo_api.session_auth.tables import SessionsBase
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import ASGIApp as Application
from starlette.types import Receive, Scope, Send

from api.admin.configs import table_configs
from api.admin.entrance import Entrance
from api.admin.log_in import LogIn
from api.admin.pages import SET_UP_FIRST, describe, present
from api.admin.set_up import SetUp
from api.config import Settings
from api.errors import Forbidden
from api.http.context import context_of
from api.postgres.engine import AdminEdit, admin_edit
from tables.admin import ABSOLUTE, IDLE, AdminSession, AdminUser

SAFE = ("GET", "HEAD", "OPTIONS")
_WITH_PASSWORD = ("/change-password/", "/mfa-setup/")
_WITHOUT_SECOND_FACTOR = (*_WITH_PASSWORD, "/api/user/")


class Acting:
    """Tells the engine who makes a change, for the auditing trigger. A confirmed password counts like a log-in."""

    def __init__(self, app: Application, entrance: Entrance, *, required: bool) -> None:
        """`required`: whether nobody may do anything before their second factor is on."""
        self._app = app
        self._entrance = entrance
        self._required = required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user_id = scope["user"].user_id
        if self._required and not scope["path"].endswith(_WITHOUT_SECOND_FACTOR):
            await self._refuse_half(user_id)
        if scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        if scope["path"].endswith(_WITH_PASSWORD):
            await self._entrance.again(user_id)
        client = scope["client"]
        request_id = context_of(scope).request_id
        token = admin_edit.set(AdminEdit(str(user_id), None if client is None else client[0], request_id))
        try:
            await self._app(scope, receive, send)
        finally:
            admin_edit.reset(token)

    async def _refuse_half(self, user_id: int) -> None:
        if not await self._entrance.second_factor.is_on(user_id):
            raise Forbidden(
                "This server requires a second factor. Set it up first.", headers={SET_UP_FIRST: "api/mfa-setup/"}
            )


def build(settings: Settings, entrance: Entrance) -> Application:
    """The admin's application, which expects to be called with `root_path` `/admin`."""
    # A column of `modules`: Pydantic says at every request that its own old method has that name.
    warnings.filterwarnings("ignore", 'Field name "schema" in "RegisteredModule', UserWarning)
    address = settings.public_url or ""
    configs = table_configs()
    admin = create_admin(
        configs,
        auth_table=AdminUser,
        session_table=cast("type[SessionsBase]", AdminSession),  # it has the columns and methods of one
        session_expiry=IDLE,
        max_session_expiry=ABSOLUTE,
        # Else it warns at every log-in; `cookies` decides what the cookies are really like.
        production=True,
        allowed_hosts=[urlsplit(address).hostname or ""] if address else [],
        site_name="Guildhall",
        page_size=25,
        auto_include_related=False,
        sidebar_links={"API reference": "../schema", "Home": "../"},
    )
    present(admin, configs)
    mounts = {route.path: route for route in admin.routes if isinstance(route, Mount)}
    guard, public = mounts["/api"].app, mounts["/public"].app
    assert isinstance(guard, AuthenticationMiddleware)
    private = guard.app
    assert isinstance(private, FastAPI)
    assert isinstance(public, FastAPI)
    describe(private, configs)
    for app in (admin, private, public):
        app.exception_handlers[500] = _raise
    private.mount("/mfa-setup/", SetUp(entrance.second_factor))
    guard.app = Acting(private, entrance, required=settings.admin_second_factor == "required")
    log_in = next(route for route in public.routes if isinstance(route, Mount) and route.path == "/login")
    log_in.app = LogIn(entrance)
    return cast("Application", admin)


async def _raise(_request: Request, error: Exception) -> NoReturn:
    """Leaves every error to the mount, which logs it once and answers."""
    raise error
