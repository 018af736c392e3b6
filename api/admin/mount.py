"""The adapter between Litestar and Piccolo Admin: loads the admin late, limits requests, and adjusts headers, cookies
and errors of answers."""

import asyncio
from typing import Any
from urllib.parse import unquote

import asyncpg
import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import HTTPResponseStartEvent, HTTPScope, Message, Receive, Scope, Send

from api.admin import package
from api.admin.cookies import as_libraries_know_them, guarded
from api.admin.entrance import Entrance
from api.config import Settings
from api.errors import (
    BodyTooLarge,
    GuildhallError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Unavailable,
)
from api.http.problems import classify
from tables.hashing import TooBusy
from tables.passwords import WeakPassword

log = structlog.get_logger("guildhall.admin")

PATH = "/admin"
LARGEST_BODY = 256 * 1024

# Vue and Font Awesome put style elements into the page; nothing comes from another host.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "object-src 'none'"
)

# Swagger's pages load their scripts from elsewhere; tables' documents are nobody's business.
_REFUSED = ("/api/docs", "/api/openapi.json", "/public/docs", "/public/openapi.json", "/openapi.json", "/docs/")
# What is wrong with a form. Piccolo raises the first for the name of a column that is none, and for values that are no
# values of it; for the rest, what people type here is held by the tables' own constraints.
TYPED_WRONG = (ValueError, asyncpg.DataError, asyncpg.CheckViolationError, asyncpg.NotNullViolationError)

_LOGIN, _LOGOUT = "/public/login/", "/public/logout/"


class Login(msgspec.Struct):
    """What a log-in must carry, and may."""

    username: str
    password: str
    mfa_code: str | None = None


class Mount:
    """The ASGI application under `/admin`."""

    def __init__(self, settings: Settings, entrance: Entrance) -> None:
        self._settings = settings
        self._entrance = entrance
        self._https = settings.public_url is not None and settings.public_url.startswith("https://")
        self._loading: asyncio.Task[package.Site] | None = None
        self._read: dict[str, bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == ScopeType.HTTP
        # For the log and metrics of the outermost middleware, which does not see Litestar's copy of the scope.
        scope.setdefault("state", {})["route"] = PATH
        path = _path(scope)
        answer = _Answer(send, https=self._https, stored=path.startswith("/assets/"))
        try:
            if path == "":
                await answer.redirect(b"admin/")
                return
            body = await _read(receive)
            _refuse(path, scope["method"], body)
            site = await self._site()
            if self._https and path in (scripts := await self._scripts()):
                await answer.script(scripts[path])
                return
            # Litestar's `path` has lost its prefix and its exact end: starlette wants both.
            inner = {
                **scope,
                "path": PATH + path,
                "root_path": PATH,
                # TLS may end at a proxy: the address that people use decides, also on the check of `Origin`.
                "scheme": "https" if self._https else "http",
                "headers": as_libraries_know_them(scope) if self._https else scope["headers"],
            }
            await site(inner, _replayed(body, receive), answer.send)
        except Exception as error:
            await self._fail(error, answer)

    async def _site(self) -> package.Site:
        """The admin's application. It is loaded once, in a thread; other requests wait for it."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = asyncio.create_task(asyncio.to_thread(package.load, self._settings, self._entrance))
        return await asyncio.shield(self._loading)

    async def _scripts(self) -> dict[str, bytes]:
        """The page's scripts that read a cookie, by path, as they are with TLS. Read once."""
        if self._read is None:
            self._read = await asyncio.to_thread(package.read_scripts)
        return self._read

    async def _fail(self, error: Exception, answer: "_Answer") -> None:
        if isinstance(error, WeakPassword):
            ours: GuildhallError = Invalid(str(error))
        elif isinstance(error, TooBusy):
            ours = Overloaded("Too many passwords are being checked. Try again in a second.")
        else:
            ours = Invalid() if isinstance(error, TYPED_WRONG) else classify(error)
        if isinstance(ours, Overloaded):
            log.debug("shed", cause=ours.detail)
        elif isinstance(ours, Unavailable):
            log.warning("unavailable", type=ours.type, cause=repr(error)[:300])
        elif ours.status >= 500 and not isinstance(ours, package.AdminNotInstalled):
            log.error("unhandled", exc_info=error)
        if answer.begun:
            raise error
        await answer.refuse(ours)


def _path(scope: HTTPScope) -> str:
    """The path below `/admin`, exactly as requested: empty without a slash. Litestar also routes `/administrator`
    here, which does not exist. Raises `NotFound`."""
    raw = scope.get("raw_path")
    path = unquote(raw.decode("latin-1")) if raw else PATH + scope["path"]
    path = path.removeprefix(scope.get("root_path", ""))
    below = path.removeprefix(PATH)
    if below == path or not (below == "" or below.startswith("/")):
        raise NotFound
    return below


def _refuse(path: str, method: str, body: bytes) -> None:
    """Raises `NotFound`, `MethodNotAllowed` or `Invalid` for requests that the admin does not serve."""
    if path.startswith(_REFUSED):
        raise NotFound
    if path.startswith((_LOGIN, _LOGOUT)) and method != "POST":
        raise MethodNotAllowed(headers={"Allow": "POST"})
    if path.startswith(_LOGIN):
        try:
            msgspec.json.decode(body, type=Login)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Invalid("Send the log-in as JSON with a username and a password.") from None


async def _read(receive: Receive) -> bytes:
    """The whole body: no body of the admin is large. Raises `BodyTooLarge`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise BodyTooLarge(f"The body is larger than {LARGEST_BODY} bytes.")
        more = message.get("more_body", False)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]  # Any: one kind of Message

    async def replay() -> Any:  # Any: whichever message comes
        return messages.pop() if messages else await receive()

    return replay


class _Answer:
    """The way out."""

    def __init__(self, send: Send, *, https: bool, stored: bool) -> None:
        """`stored`: whether a browser may keep the answer; only assets, whose names carry their hash."""
        self._send = send
        self._https = https
        self._stored = stored
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            _head(message, https=self._https, stored=self._stored)
        await self._send(message)

    async def redirect(self, location: bytes) -> None:
        """Relative, so that it holds behind a proxy that puts a prefix before every path."""
        await self._whole(308, [(b"location", location)], b"")

    async def script(self, body: bytes) -> None:
        """A script of the page."""
        await self._whole(200, [(b"content-type", b"text/javascript; charset=utf-8")], body)

    async def refuse(self, error: GuildhallError) -> None:
        """In the shape in which Piccolo Admin's page shows it: it reads a 422 by a key of its own."""
        key = "db_error" if error.status == 422 else "detail"
        sentence = error.detail if type(error) is not Invalid or error.detail is not Invalid.detail else _IMPOSSIBLE
        headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        headers.append((b"content-type", b"application/json"))
        await self._whole(error.status, headers, msgspec.json.encode({key: sentence}))

    async def _whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        headers.append((b"content-length", b"%d" % len(body)))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


_IMPOSSIBLE = "A value is not possible here."


def _head(message: HTTPResponseStartEvent, *, https: bool, stored: bool) -> None:
    headers = [
        (name, guarded(value, https=https) if name == b"set-cookie" else value)
        for name, value in message["headers"]
        if name != b"cache-control"
    ]
    headers.append((b"content-security-policy", POLICY.encode()))
    if stored and message["status"] < 400:
        headers.append((b"cache-control", b"public, max-age=86400"))
    else:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers
