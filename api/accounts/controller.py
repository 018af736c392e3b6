"""`/auth/…` and `/v1/me`."""

import re

from litestar import Controller, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from api.accounts.accounts import Accounts
from api.accounts.dtos import (
    CallbackQuery,
    LoginQuery,
    MeView,
    MyGuildsQuery,
    MyGuildView,
    MySessionsQuery,
    SessionView,
)
from api.accounts.login_states import LOGIN
from api.accounts.own_sessions import OwnSessions, shown_agent
from api.accounts.service import Browser, LoginService
from api.auth.cookies import Cookies
from api.auth.sessions import ABSOLUTE
from api.errors import LoginNotConfigured
from api.http.budgets import address_of
from api.http.context import context_of
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.pagination import Page

CALLBACK = "/auth/discord/callback"
NO_STORE = {"Cache-Control": "no-store"}

_is_own_machine = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.ASCII).fullmatch


class LoginController(Controller):
    path = "/auth"
    tags = ("people",)

    @get("/discord/login", opt=RoutePolicy(reads_query=True).opt, status_code=303)
    async def log_in(
        self, params: NamedDependency[LoginQuery], request: GuildhallRequest, accounts: NamedDependency[Accounts]
    ) -> Response[bytes]:
        """Start a log-in. Redirects the browser to Discord, which asks the person and sends them back."""
        login, cookies = _configured(accounts), accounts.cookies
        begun = login.begin(
            return_to=params.return_to,
            browser=cookies.read(request.headers.get("cookie"), cookies.login),
            redirect_uri=_redirect_uri(request, accounts),
        )
        return Response(
            b"",
            status_code=303,
            headers={"Location": begun.location, **NO_STORE},
            cookies=[_cookie(cookies, cookies.login, begun.browser, int(LOGIN.total_seconds()))],
        )

    @get("/discord/callback", opt=RoutePolicy(reads_query=True, login_fails=True).opt, status_code=303)
    async def finish_log_in(
        self, params: NamedDependency[CallbackQuery], request: GuildhallRequest, accounts: NamedDependency[Accounts]
    ) -> Response[bytes]:
        """Finish a log-in. Discord redirects the browser here. The person is logged in, and the browser goes to the
        page where the log-in began. If the person refused, it goes there without a new log-in."""
        login, cookies = _configured(accounts), accounts.cookies
        header = request.headers.get("cookie")
        finished = await login.finish(
            params,
            browser=cookies.read(header, cookies.login),
            redirect_uri=_redirect_uri(request, accounts),
            replaces=cookies.read(header, cookies.session),
            seen=Browser(shown_agent(request.headers.get("user-agent")), request.address),
            asker=address_of(request.scope),
        )
        made = [_cookie(cookies, cookies.login)]
        if finished.token is not None:
            made.append(_cookie(cookies, cookies.session, finished.token, int(ABSOLUTE.total_seconds())))
        return Response(b"", status_code=303, headers={"Location": finished.return_to, **NO_STORE}, cookies=made)

    @post("/logout", opt=RoutePolicy(person=True).opt, status_code=204)
    async def log_out(self, request: GuildhallRequest, accounts: NamedDependency[Accounts]) -> Response[None]:
        """End the session, and revoke Discord's grant."""
        await _configured(accounts).log_out(context_of(request.scope).logged_in)
        return Response(
            None,
            status_code=204,
            # Whoever sits down here next finds nothing of this person in the browser.
            headers={**NO_STORE, "Clear-Site-Data": '"cache", "storage"'},
            cookies=[_cookie(accounts.cookies, accounts.cookies.session)],
        )


class MeController(Controller):
    path = "/v1/me"
    tags = ("people",)

    @get("/", opt=RoutePolicy(person=True, conditional=True, personal=True).opt)
    async def get_me(self, request: GuildhallRequest, accounts: NamedDependency[Accounts]) -> MeView:
        """Get the person who is logged in, and the CSRF token for their changes."""
        return _configured(accounts).me(context_of(request.scope).logged_in)

    @get("/guilds", opt=RoutePolicy(person=True).opt)
    async def list_my_guilds(
        self, params: NamedDependency[MyGuildsQuery], request: GuildhallRequest, accounts: NamedDependency[Accounts]
    ) -> Page[MyGuildView]:
        """List the guilds that the person manages at Discord (owner, Administrator or Manage Guild), by id."""
        return await _configured(accounts).my_guilds(
            context_of(request.scope).logged_in, limit=params.limit, cursor=params.cursor
        )

    @get("/sessions", opt=RoutePolicy(person=True).opt)
    async def list_my_sessions(
        self, params: NamedDependency[MySessionsQuery], request: GuildhallRequest, accounts: NamedDependency[Accounts]
    ) -> Page[SessionView]:
        """List the sessions of the person, newest first."""
        return await _own_sessions(accounts).list_sessions(context_of(request.scope).logged_in, params)

    @delete("/sessions", opt=RoutePolicy(person=True).opt)
    async def end_my_other_sessions(self, request: GuildhallRequest, accounts: NamedDependency[Accounts]) -> None:
        """End all sessions of the person except this one. They stop working on every worker within five seconds."""
        await _own_sessions(accounts).end_others(context_of(request.scope).logged_in)

    @delete("/sessions/{session_id:str}", opt=RoutePolicy(person=True).opt)
    async def end_my_session(
        self, session_id: FromPath[int], request: GuildhallRequest, accounts: NamedDependency[Accounts]
    ) -> None:
        """End a session of the person; it may be this one. It stops working on every worker within five seconds."""
        await _own_sessions(accounts).end(context_of(request.scope).logged_in, session_id)


def _configured(accounts: Accounts) -> LoginService:
    if accounts.login is None:
        raise LoginNotConfigured
    return accounts.login


def _own_sessions(accounts: Accounts) -> OwnSessions:
    if accounts.own_sessions is None:
        raise LoginNotConfigured
    return accounts.own_sessions


def _cookie(cookies: Cookies, name: str, value: str = "", seconds: int = 0) -> Cookie:
    """A cookie of the answer. Without a value, it deletes the cookie."""
    return Cookie(
        key=name, value=value, path="/", max_age=seconds, httponly=True, samesite="lax", secure=cookies.is_secure
    )


def _redirect_uri(request: GuildhallRequest, accounts: Accounts) -> str:
    """The redirect URI that is registered at Discord. On a developer's machine it has the host name that the browser
    used, since a cookie of `localhost` does not work at `127.0.0.1`."""
    host = request.headers.get("host", "")
    if accounts.public_url is None and _is_own_machine(host):
        return f"http://{host}{CALLBACK}"
    return f"{accounts.public_url or accounts.own_url}{CALLBACK}"
