"""The few hot routes that are answered around the framework, since its own way from a route to an answer costs more
than all else in them. Each is a row of a table (`FastRoute`); this file is what they share: who asks, with which
scope, within which budget and which slots.

Only what is plain goes this way: a key and a guild in memory, headers that are there once and mean one thing. All else,
and whatever is wrong, is left to Litestar's way, which answers the same bytes and headers. docs/decisions/ways-in.md
says what each way costs."""

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

# A thousand plain events, twice: more is read beside the loop, on Litestar's way.
LARGEST_BODY = 512 * 1024

_is_tag = re.compile(rb'(?:W/)?"([\x21\x23-\x7e]*)"').fullmatch
_MSGPACK = b"msgpack"
_PLAIN = frozenset({JSON.encode(), b"application/json; charset=utf-8"})
# Headers that mean something to a POST on Litestar's way.
_UNUSUAL = frozenset({b"content-encoding", b"idempotency-key", b"x-audit-log-reason", b"expect"})


class Headers(NamedTuple):
    """What the headers of a plain request say. `known`: the one entity tag of its `If-None-Match`."""

    authorization: bytes | None
    known: frozenset[str] | None
    host: bytes | None


class FastRequest(NamedTuple):
    """A plain request of somebody who may make it. `path`: the groups of the route's pattern, a guild's id first."""

    scope: HTTPScope
    path: Sequence[str]
    headers: Headers
    credential: Credential
    guild_id: int

    @property
    def reader(self) -> Actor:
        """Who asks, for the services."""
        return Actor(kind="key", id=str(self.credential.id), credential=self.credential)


# Answers a request that was taken off its budget and has a slot, from the body of a POST; None leaves it to Litestar.
FastHandler = Callable[[bytes], Awaitable[BytesResponse | None]]


@dataclass(frozen=True, slots=True)
class FastRoute:
    """A route that is answered around the framework.

    `prepare` is given a plain request and gives what answers it: the answer itself, where all of it is in memory; else
    a function that reads it; None leaves it to Litestar. `slots`: those that reading takes one of."""

    method: str
    template: str
    pattern: Callable[[str], re.Match[str] | None]
    scope: Scope
    prepare: Callable[[FastRequest], BytesResponse | FastHandler | None]
    slots: Slots | None = None


def path_pattern(template: str, name: str = "[1-9][0-9]{0,18}") -> Callable[[str], re.Match[str] | None]:
    """Matches the addresses of a template. `name`: what may stand for its last name, where that is no id."""
    parts = re.split(r"\{[^}]+\}", template)
    between = ["([1-9][0-9]{0,18})"] * (len(parts) - 2) + [f"({name})"]
    pattern = "".join(re.escape(part) + group for part, group in zip(parts, [*between, ""], strict=True))
    return re.compile(pattern, re.ASCII).fullmatch


class FastPath:
    """The table, and who may come this way."""

    def __init__(self, keyring: Keyring, limiter: Limiter, routes: Sequence[FastRoute]) -> None:
        self._keyring = keyring
        self._limiter = limiter
        self.routes = routes
        self._by_method = {method: [route for route in routes if route.method == method] for method in ("GET", "POST")}

    def find(self, scope: HTTPScope) -> "BytesResponse | FastCall | None":
        """The answer, or what reads it; None sends a request to Litestar. It waits for nobody."""
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
    """A request that is to be answered around the framework."""

    limiter: Limiter
    route: FastRoute
    request: FastRequest
    answer: FastHandler

    async def run(self, receive: Receive) -> tuple[BytesResponse | None, Receive]:
        """The answer; where there is none, what Litestar is to receive the body from."""
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
    """Those that mean something to a GET; None where one comes twice, is no plain entity tag or asks for
    MessagePack: what they mean is Litestar's way to say."""
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
    """Those of a POST of plain JSON that is not too large to be read at once."""
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
    """The body, and the messages that it came in; None for what is not whole, or too much."""
    messages: list[HTTPReceiveMessage] = []
    chunks: list[bytes] = []
    while True:
        message = cast("HTTPReceiveMessage", await receive())  # an HTTP scope gives no other
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
