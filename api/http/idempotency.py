"""The idempotency middleware: claims an `Idempotency-Key` before the handler runs, and finalizes it when the answer is
sent."""

from hashlib import sha256
from typing import Any

import msgspec
from litestar.connection import Request
from litestar.handlers.base import BaseRouteHandler
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import Message, Receive, ReceiveMessage

from api.errors import BadHeader, BodyTooLarge
from api.http.context import context_of
from api.http.gate import gate_of
from api.http.policy import policy_of
from api.http.responses import JSON, MSGPACK, BytesResponse, conditional, wants_msgpack
from api.idempotency.claims import BodyHash, Claim, StoredAnswer
from api.idempotency.store import Idempotency
from api.lib import etags

LONGEST = 255
UPLOAD_SECONDS = 120  # a slower upload may lose its claim to a second request
_OWN = frozenset({"content-type", "etag", "location", "retry-after"})

_pack = msgspec.msgpack.Encoder().encode


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:  # Any: Litestar's own, not used
    """The key of a POST; None without one. Raises `BadHeader`."""
    if request.method != "POST":
        return None
    given = request.headers.getall("idempotency-key", [])
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise BadHeader(f"`Idempotency-Key` is not one value of 1 to {LONGEST} printable ASCII characters.")
    return key


async def claimed(
    request: Request[Any, Any, Any], handler: BaseRouteHandler, raw: bytes
) -> Response[Any] | None:  # Any: the same
    """The stored answer. None if this request is the first one. `raw`: its body."""
    context, policy = context_of(request.scope), policy_of(handler)
    key = context.idempotency_key
    if key is None:
        return None
    store = gate_of(request.app).idempotency
    scope = request.scope
    address = sha256(b"\0".join((b"POST", scope["path"].encode(), scope["query_string"]))).digest()
    is_file = policy.files != ()
    body = BodyHash(None if is_file else raw)
    if is_file:
        request.receive = _hashing(request.receive, body)
    left = context.seconds_left
    found = await store.claim(
        context.caller.owner,
        key,
        address=address,
        body=body,
        seconds=UPLOAD_SECONDS if left is None else min(left + 5, UPLOAD_SECONDS),
        guild_id=context.guild_id,
        read=(lambda: _drain(request, policy.largest_body)) if is_file else None,
    )
    if isinstance(found, Claim):
        context.claim, context.finalize = found, AnswerRecorder(store, found)
        return None
    return Replay(found)


class Replay(Response[bytes]):
    """A stored answer, sent again."""

    def __init__(self, kept: StoredAnswer) -> None:
        super().__init__(kept.body)
        self._kept = kept

    def to_asgi_response(
        self, app: Any, request: Request[Any, Any, Any], **more: Any
    ) -> ASGIResponse:  # Any: Litestar's own signature
        kept = self._kept
        own = {**kept.headers}
        kind, tag = own.pop("content-type", JSON), own.pop("etag", None)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]
        headers.append((b"idempotent-replayed", b"true"))
        packed = kind == JSON and wants_msgpack(request)
        if tag is not None:
            return conditional(kept.status, headers, kept.body, tag, None, packed=packed, personal=True)
        body = _pack(msgspec.json.decode(kept.body)) if packed else kept.body
        headers += [(b"cache-control", b"no-store"), (b"content-type", (MSGPACK if packed else kind).encode())]
        return BytesResponse(kept.status, headers, body)


class AnswerRecorder:
    """Holds an answer back until it is stored."""

    def __init__(self, store: Idempotency, claim: Claim) -> None:
        self._store = store
        self._claim = claim
        self._start: Message | None = None
        self._chunks: list[bytes] = []

    async def __call__(self, message: Message) -> list[Message]:
        """The messages that may be sent now."""
        if message["type"] == "http.response.start":
            self._start = message
            return []
        if message["type"] != "http.response.body":
            return [message]
        self._chunks.append(message.get("body", b""))
        if message.get("more_body", False) or self._start is None:
            return []
        start, body = self._start, b"".join(self._chunks)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in start["headers"]  # type: ignore[typeddict-item] # it is a start
        }
        own = {name: value for name, value in headers.items() if name in _OWN}
        if "etag" in own:
            own["etag"] = own["etag"].strip('"').removesuffix(etags.MSGPACK)
        if own.get("content-type") == MSGPACK:
            own["content-type"], kept = JSON, msgspec.json.encode(msgspec.msgpack.decode(body))
        else:
            kept = body
        await self._store.finalize(self._claim, StoredAnswer(start["status"], own, kept))  # type: ignore[typeddict-item] # the same
        return [start, {"type": "http.response.body", "body": body, "more_body": False}]


def _hashing(receive: Receive, body: BodyHash) -> Receive:
    async def hashed() -> ReceiveMessage:
        message = await receive()
        if message["type"] == "http.request":
            body.add(message["body"], more=message["more_body"])
        return message

    return hashed


async def _drain(request: Request[Any, Any, Any], largest: int) -> None:  # Any: the same
    """Reads the rest of the body, for its hash. Raises `BodyTooLarge`."""
    size = 0
    while (message := await request.receive())["type"] == "http.request" and message["more_body"]:
        size += len(message["body"])
        if size > largest:
            raise BodyTooLarge(f"The body is larger than {largest} bytes.")
