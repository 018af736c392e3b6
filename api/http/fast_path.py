"""The fast path: answers a few hot routes without the framework, whose own routing costs more than all other work in
them. A table has one row (`FastRoute`) for each such route. This file has what they share: credential, scope, budget
and slots.

Only plain requests go this way: key and guild are in memory, and each header is there once and has one meaning.
Litestar gets all other requests and every fault, and answers with the same bytes and headers. docs/decisions/ways-in.md
has the cost of each way."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from litestar.types import HTTPReceiveMessage, HTTPScope, Receive, ReceiveMessage

from api.auth.actors import Actor, Credential
from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.http.context import RequestContext, context_of
from api.http.rate_limits import Limiter
from api.http.responses import JSON, BytesResponse
from api.lib import snowflakes

# A thousand plain events, twice. Larger bodies are parsed in a thread, in the framework.
LARGEST_BODY = 512 * 1024

_is_tag = re.compile(rb'(?:W/)?"([\x21\x23-\x7e]*)"').fullmatch
_MSGPACK = b"msgpack"
_PLAIN = frozenset({JSON.encode(), b"application/json; charset=utf-8"})
# Headers that change what a POST means in the framework.
_UNUSUAL = frozenset({b"content-encoding", b"idempotency-key", b"x-audit-log-reason", b"expect"})


class Headers(NamedTuple):
    """The headers of a plain request. `known`: the one entity tag of its `If-None-Match`."""

    authorization: bytes | None
    known: frozenset[str] | None
    host: bytes | None


class FastRequest(NamedTuple):
    """A plain and permitted request. `path`: the groups of the route's pattern; the first is the guild's id."""

    scope: HTTPScope
    path: Sequence[str]
    headers: Headers
    credential: Credential
    guild_id: int

    @property
    def reader(self) -> Actor:
        """The actor, for the services."""
        return Actor(kind="key", id=str(self.credential.id), credential=self.credential)


# Answers a request that has paid its budget and has a slot. The argument is the body of a POST. None leaves the request
# to Litestar.
FastHandler = Callable[[bytes], Awaitable[BytesResponse | None]]


@dataclass(frozen=True, slots=True)
class FastRoute:
    """A route of the fast path.

    `prepare` takes a plain request. It returns the answer if all of it is in memory, otherwise a function that reads
    the answer. None leaves the request to Litestar. `slots`: reading takes one of these."""

    method: str
    template: str
    pattern: Callable[[str], re.Match[str] | None]
    scope: Scope
    prepare: Callable[[FastRequest], BytesResponse | FastHandler | None]
    slots: Slots | None = None


def path_pattern(template: str, name: str = "[1-9][0-9]{0,18}") -> Callable[[str], re.Match[str] | None]:
    """Matches the addresses of a template. `name`: the pattern of its last name, if that is no id."""
    parts = re.split(r"\{[^}]+\}", template)
    between = ["([1-9][0-9]{0,18})"] * (len(parts) - 2) + [f"({name})"]
    pattern = "".join(re.escape(part) + group for part, group in zip(parts, [*between, ""], strict=True))
    return re.compile(pattern, re.ASCII).fullmatch


class FastPath:
    """The table of fast routes, and its access checks."""

    def __init__(self, keyring: Keyring, limiter: Limiter, routes: Sequence[FastRoute]) -> None:
        self._keyring = keyring
        self._limiter = limiter
        self.routes = routes
        self._by_method = {method: [route for route in routes if route.method == method] for method in ("GET", "POST")}

    def find(self, scope: HTTPScope) -> "BytesResponse | FastCall | None":
        """The answer, or a call that reads it. None leaves the request to Litestar. Does not wait."""
        for route in self._by_method.get(scope["method"], ()):
            if (match := route.pattern(scope["path"])) is not None:
                return self._prepared(route, match, scope)
        return None

    def _prepared(self, route: FastRoute, match: re.Match[str], scope: HTTPScope) -> "BytesResponse | FastCall | None":
        headers = _headers(scope) if route.method == "GET" else _post_headers(scope)
        if headers is None:
            return None
        guild_id = snowflakes.parse(match[1])
        credential = self._keyring.cached(headers.authorization)
        if (
            credential is None
            or guild_id is None
            or route.scope not in credential.scopes
            or not credential.sees(guild_id)
        ):
            return None
        request = FastRequest(scope, match.groups(), headers, credential, guild_id)
        answer = route.prepare(request)
        if answer is None:
            return None
        if not isinstance(answer, BytesResponse):
            return FastCall(self._limiter, route, request, answer)
        if not self._limiter.spend_at_once(scope, credential):
            return None
        _note(context_of(scope), route, request)
        return answer


class FastCall(NamedTuple):
    """A request that the fast path will answer."""

    limiter: Limiter
    route: FastRoute
    request: FastRequest
    answer: FastHandler

    async def run(self, receive: Receive) -> tuple[BytesResponse | None, Receive]:
        """The answer. Without one, also the `receive` from which Litestar can read the body again."""
        context, credential = context_of(self.request.scope), self.request.credential
        await self.limiter.spend(self.request.scope, credential)
        if self.route.slots is not None:
            context.leave_slot = await self.route.slots.enter(credential.family, context.is_gone)
        body: bytes | None = b""
        if self.route.method == "POST":
            body, messages = await _read(receive)
            receive = _replayed(messages, receive)
        _note(context, self.route, self.request)
        answer = None if body is None else await self.answer(body)
        if answer is None:
            context.give_slot_back()
            context.credential = context.guild_id = context.route = None
        return answer, receive


def _note(context: RequestContext, route: FastRoute, request: FastRequest) -> None:
    context.credential, context.guild_id, context.route = request.credential, request.guild_id, route.template


def _headers(scope: HTTPScope) -> Headers | None:
    """The relevant headers of a GET. None if a header repeats, is no plain entity tag or asks for MessagePack: Litestar
    handles those."""
    authorization = known = host = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name == b"if-none-match":
            if known is not None or (match := _is_tag(value)) is None:
                return None
            known = frozenset({match[1].decode("ascii")})
        elif name == b"host":
            if host is not None:
                return None
            host = value
        elif name == b"accept" and _MSGPACK in value.lower():
            return None
    return Headers(authorization, known, host)


def _post_headers(scope: HTTPScope) -> Headers | None:
    """The relevant headers of a POST of plain JSON that is small enough to be read at once."""
    authorization = None
    is_json = False
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name == b"content-type":
            if is_json or value.lower() not in _PLAIN:
                return None
            is_json = True
        elif name == b"content-length":
            if len(value) > 7 or not value.isdigit() or int(value) > LARGEST_BODY:
                return None
        elif name in _UNUSUAL or (name == b"accept" and _MSGPACK in value.lower()):
            return None
    return Headers(authorization, None, None) if is_json else None


async def _read(receive: Receive) -> tuple[bytes | None, list[HTTPReceiveMessage]]:
    """The body and its messages. The body is None if it is incomplete or too large."""
    messages: list[HTTPReceiveMessage] = []
    chunks: list[bytes] = []
    while True:
        message = cast("HTTPReceiveMessage", await receive())  # an HTTP scope sends no other
        messages.append(message)
        if message["type"] != "http.request":
            return None, messages
        chunks.append(message["body"])
        if sum(map(len, chunks)) > LARGEST_BODY:
            return None, messages
        if not message["more_body"]:
            return b"".join(chunks), messages


def _replayed(messages: list[HTTPReceiveMessage], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def again() -> ReceiveMessage:
        found = next(waiting, None)
        return await receive() if found is None else found

    return again
