"""The log-in requests of Piccolo Admin's page, and their answers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from api.admin.browsers import COOKIE, LIFETIME
from api.admin.entrance import Entrance, LogInRefused, Visitor
from api.http.budgets import network
from api.http.context import context_of
from tables.admin import ABSOLUTE, AdminSession


class LogIn:
    """Replaces Piccolo's own endpoint, which has no limit by account, hashes without a limit and logs nothing."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        ip = None if request.client is None else request.client.host
        visitor = Visitor(
            name=body["username"],
            network=network(ip or ""),
            ip=ip,
            request_id=context_of(request.scope).request_id,
            cookie=request.cookies.get(COOKIE),
        )
        try:
            user_id = await self._entrance.log_in(visitor, body["password"], body.get("mfa_code"))
        except LogInRefused as refusal:
            return JSONResponse({"detail": refusal.detail}, status_code=refusal.status)
        session = await AdminSession.create_session(user_id)
        response = JSONResponse({"message": "logged in"})
        response.set_cookie("id", session.token, max_age=int(ABSOLUTE.total_seconds()))
        known = self._entrance.browsers.write(visitor.name)
        response.set_cookie(COOKIE, known, max_age=int(LIFETIME.total_seconds()))
        return response
