"""The page that Piccolo Admin's menu calls "MFA Setup": turns the second factor on and off.

It replaces Piccolo's own page. That one loads a font from another host and runs an inline script, both of which the
policy forbids. It also hashes eight recovery codes on the event loop (two seconds), and turns the second factor on
before the app has proved that it works.
"""

import asyncio
from collections.abc import Mapping
from html import escape
from http import HTTPStatus

from piccolo_api.mfa.authenticator.utils import get_b64encoded_qr_image
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from api.admin.second_factor import Enrolment, SecondFactor
from api.auth.actors import Actor
from api.http.context import context_of
from tables.admin import AdminUser, digest

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}"
    "input,button{font:inherit;padding:.4rem .6rem}label{display:block;margin:.8rem 0 .2rem}"
    "button{display:block;margin:1rem 0}code{overflow-wrap:anywhere}.wrong{color:#a00}"
)
_AGAIN = (
    '<label for="password">Password</label>'
    '<input id="password" name="password" type="password" required autocomplete="current-password">'
)
_OFF = (
    "The second factor is off. If you turn it on, each log-in asks for a code from an authenticator "
    "app on your phone, in addition to the password."
)
_ON = "The second factor is on: each log-in asks for a code."
_BACK = '<p><a href="../../">Back to the admin</a></p>'
_WRONG_PASSWORD = "The password is wrong."  # noqa: S105 - a sentence
_WRONG_CODE = "The code is wrong, or has already been used. Wait for the next one."


class SetUp:
    """Serves the page to people who are logged in."""

    def __init__(self, factor: SecondFactor) -> None:
        self._factor = factor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD", "POST"):
            response = Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, POST"})
        else:
            response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        action, words = "", {}
        if request.method == "POST":
            # The middleware that looks for the CSRF token may have read it.
            form = request.scope.get("form") or await request.form()
            words = {name: value for name, value in form.items() if isinstance(value, str)}
            action = words.get("action", "")
        if action == "register":
            return await self._register(request, words)
        if action == "confirm":
            return await self._confirm(request, words)
        if action == "revoke":
            return await self._revoke(request, words)
        return await self._show(request)

    async def _show(self, request: Request, wrong: str | None = None) -> Response:
        if await self._factor.is_on(request.user.user_id):
            fields = _AGAIN + _code("A code from the app, or a recovery code")
            return _page(_said(_ON, wrong) + _form(request, "revoke", fields, "Turn it off") + _BACK, wrong)
        return _page(_said(_OFF, wrong) + _form(request, "register", _AGAIN, "Turn it on") + _BACK, wrong)

    async def _register(self, request: Request, words: Mapping[str, str]) -> Response:
        if not await _is_password(request, words):
            return await self._show(request, _WRONG_PASSWORD)
        user = request.user
        made = await self._factor.enrol(user.user_id, user.display_name)
        if made is None:
            return await self._show(request)
        image = await asyncio.to_thread(get_b64encoded_qr_image, made.uri)
        return _page(_shown_once(made, image) + _form(request, "confirm", _code("A code from the app"), "It is set up"))

    async def _confirm(self, request: Request, words: Mapping[str, str]) -> Response:
        user, session = request.user, digest(request.cookies["id"])
        name, code = user.display_name, words.get("code", "")
        if not await self._factor.confirm(_actor(request), user.user_id, name, code, session):
            again = _form(request, "confirm", _code("A code from the app"), "It is set up")
            return _page(_said("The second factor is not on yet.", _WRONG_CODE) + again + _BACK, _WRONG_CODE)
        return await self._show(request)

    async def _revoke(self, request: Request, words: Mapping[str, str]) -> Response:
        user, actor = request.user, _actor(request)
        if not await _is_password(request, words):
            return await self._show(request, _WRONG_PASSWORD)
        if not await self._factor.use(actor, user.user_id, user.display_name, words.get("code", "")):
            return await self._show(request, _WRONG_CODE)
        await self._factor.remove(actor, user.user_id, user.display_name)
        return await self._show(request)


async def _is_password(request: Request, words: Mapping[str, str]) -> bool:
    found = await AdminUser.login(request.user.display_name, words.get("password", ""))
    return found is not None and found == int(request.user.user_id)


def _actor(request: Request) -> Actor:
    ip = None if request.client is None else request.client.host
    request_id = context_of(request.scope).request_id
    return Actor(kind="admin", id=str(request.user.user_id), ip=ip, request_id=request_id)


def _page(content: str, wrong: str | None = None) -> Response:
    status = HTTPStatus.OK if wrong is None else HTTPStatus.UNPROCESSABLE_ENTITY
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Second factor</title><style>{_STYLE}</style>'
    return HTMLResponse(f"{head}<h1>Second factor</h1>{content}", status_code=status)


def _said(sentence: str, wrong: str | None) -> str:
    return f"<p>{escape(sentence)}</p>" + (
        "" if wrong is None else f'<p class="wrong" role="alert">{escape(wrong)}</p>'
    )


def _form(request: Request, action: str, fields: str, button: str) -> str:
    token = escape(str(request.scope.get("csrftoken", "")))
    return (
        f'<form method="post"><input type="hidden" name="csrftoken" value="{token}">'
        f'<input type="hidden" name="action" value="{action}">{fields}<button>{escape(button)}</button></form>'
    )


def _code(label: str) -> str:
    return (
        f'<label for="code">{escape(label)}</label><input id="code" name="code" required autocomplete="one-time-code">'
    )


def _shown_once(made: Enrolment, image: str) -> str:
    codes = "".join(f"<li><code>{code}</code></li>" for code in made.recovery_codes)
    return (
        "<p>Read this with an authenticator app, then send one of its codes. Until then nothing is on.</p>"
        f'<p><img alt="QR code" src="data:image/png;base64,{image}"></p>'
        f'<p>Or type it in: <code id="secret">{made.secret}</code></p>'
        "<p>Keep these recovery codes where your phone is not: each opens once, in the place of a code. "
        f"They are shown this once.</p><ol>{codes}</ol>"
    )
