"""Responses: turns a handler's result into JSON or MessagePack, with entity tag, 304, and the link to the next page."""

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar.connection import Request
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from api.http.gate import gate_of
from api.http.headers import entity_tags
from api.http.policy import policy_of
from api.lib import etags
from api.lib.encoded import Encoded, encode

T = TypeVar("T")

JSON = "application/json"
MSGPACK = "application/vnd.msgpack"

_msgpack = msgspec.msgpack.Encoder().encode

# Named, and not with quality 0: `application/json, application/vnd.msgpack;q=0`.
_is_msgpack_wanted = re.compile(re.escape(MSGPACK) + r"(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE).search

Headers = list[tuple[bytes, bytes]]


class ApiResponse(Response[T]):
    """The response class of every route. The content is a view, a page or `Encoded`."""

    def to_asgi_response(
        self, app: Any, request: Request[Any, Any, Any], **more: Any
    ) -> ASGIResponse:  # Any: Litestar's own signature
        if self.media_type not in (None, JSON):
            return super().to_asgi_response(app, request, **more)
        status = self.status_code or more.get("status_code") or 200
        headers: Headers = [
            (name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in self.headers.items()
        ]
        if status == 204 or self.content is None:
            return BytesResponse(status, headers, b"")
        content = self.content
        encoded = content if isinstance(content, Encoded) else None
        packed = wants_msgpack(request)
        body = encoded.body if encoded is not None else encode(content)
        policy = policy_of(request.route_handler)
        if policy.conditional:
            tag = encoded.etag if encoded is not None else etags.tag(body)
            is_read = request.method == "GET"
            known = entity_tags("If-None-Match", request.headers, weak=True) if is_read else None
            return conditional(status, headers, body, tag, known, packed=packed, personal=policy.personal)
        return listed(
            status, headers, body, _next_page(request, content, gate_of(request.app).public_url), packed=packed
        )


def listed(
    status: int, headers: Headers, body: bytes, following: str | None, *, packed: bool = False
) -> "BytesResponse":
    """A response without an entity tag. `following`: the URL of the next page, if there is one."""
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    if following is not None:
        headers.append((b"link", f'<{following}>; rel="next"'.encode("latin-1")))
    return BytesResponse(status, [*headers, *_typed(packed=packed)], _pack(body) if packed else body)


def base_url(public_url: str | None, scheme: str, host: str) -> str:
    """The base of our URLs: as configured, otherwise from the request, which a proxy may have changed."""
    return f"{scheme}://{host}" if public_url is None else public_url.rstrip("/")


def next_page(url: str, cursor: str | None) -> str | None:
    """The URL of the next page. `url`: the address without the cursor, ready to append it."""
    return None if cursor is None else f"{url}cursor={cursor}"


def conditional(
    status: int,
    headers: Headers,
    body: bytes,
    tag: str,
    known: frozenset[str] | None,
    *,
    packed: bool = False,
    personal: bool = False,
) -> "BytesResponse":
    """A response with an entity tag, or 304 if the client has it. `known`: the tags of a GET's `If-None-Match`.
    `personal`: it is about people, so no browser may store it. What `headers` say of caches already holds."""
    if packed:
        tag += etags.MSGPACK
    given = {name for name, _ in headers}
    headers.append((b"etag", f'"{tag}"'.encode()))
    if b"cache-control" not in given:
        headers.append((b"cache-control", b"no-store" if personal else b"private, no-cache"))
    if b"vary" not in given:
        headers.append((b"vary", b"accept"))
    if known is not None and (etags.ANY in known or tag in known):
        return BytesResponse(304, headers, b"")
    return BytesResponse(status, [*headers, *_typed(packed=packed)], _pack(body) if packed else body)


class BytesResponse(ASGIResponse):
    """A response of ready bytes. Litestar's own builds its headers again each time."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self._status = status
        self._body = body
        self._headers = headers
        if status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def wants_msgpack(request: Request[Any, Any, Any]) -> bool:
    """Whether the client names MessagePack in `Accept`."""
    accept = request.headers.get("accept")
    return accept is not None and _is_msgpack_wanted(accept) is not None


def _typed(*, packed: bool) -> Headers:
    return [(b"content-type", MSGPACK.encode() if packed else JSON.encode())]


def _pack(body: bytes) -> bytes:
    return _msgpack(msgspec.json.decode(body))


def _next_page(request: Request[Any, Any, Any], content: object, public_url: str | None) -> str | None:
    cursor: str | None = getattr(content, "next_cursor", None)
    if cursor is None:
        return None
    given = parse_qsl(request.scope["query_string"].decode())
    query = urlencode([(name, value) for name, value in given if name not in ("cursor", "around")])
    url = request.url
    return next_page(f"{base_url(public_url, url.scheme, url.netloc)}{url.path}?{query}{'&' if query else ''}", cursor)
