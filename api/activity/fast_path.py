"""The road that events take most, with no framework on it: a key and a guild that are in memory, plain JSON.

Litestar's own path costs more than the counting of one event. What is not plain is left to the ordinary
route, which does the same; a body that was read here is read there again."""

import re
from typing import cast

import msgspec
from litestar.types import HTTPReceiveMessage, HTTPScope, Receive, ReceiveMessage

from api.activity.dtos import RecordActivity
from api.activity.service import ActivityService
from api.auth.keyring import Keyring
from api.auth.scopes import Scope
from api.auth.slots import Slots
from api.http.rate_limits import Limiter
from api.http.responses import JSON, BytesResponse
from api.lib import snowflakes

# A thousand plain events, twice: more is read beside the loop, on the ordinary way.
INLINE_BYTES = 512 * 1024

ROUTE = "/v1/guilds/{guild_id}/activity"

_path = re.compile(r"/v1/guilds/([1-9][0-9]{0,18})/activity", re.ASCII).fullmatch
_PLAIN = frozenset({JSON.encode(), b"application/json; charset=utf-8"})

# Headers that mean something on the ordinary way.
_UNUSUAL = frozenset({b"content-encoding", b"idempotency-key", b"x-audit-log-reason", b"expect"})

_decode = msgspec.json.Decoder(RecordActivity, dec_hook=snowflakes.decode).decode
_encode = msgspec.json.Encoder().encode
_HEADERS = [(b"content-type", JSON.encode()), (b"cache-control", b"no-store")]


class ActivityFastPath:
    def __init__(self, keyring: Keyring, limiter: Limiter, slots: Slots, activity: ActivityService) -> None:
        self._keyring = keyring
        self._limiter = limiter
        self._slots = slots
        self._activity = activity

    async def answer(self, scope: HTTPScope, receive: Receive) -> tuple[BytesResponse | None, Receive]:
        """The answer, if the request is plain; else None, and what to receive its body from."""
        match = _path(scope["path"])
        if match is None or scope["query_string"]:
            return None, receive
        guild_id = snowflakes.parse(match[1])
        authorization = _authorization(scope)
        credential = self._keyring.cached(authorization)
        if (
            credential is None
            or guild_id is None
            or Scope.ACTIVITY_WRITE not in credential.scopes
            or not credential.sees(guild_id)
            or self._activity.cached_config(guild_id) is None
        ):
            return None, receive
        state = scope["state"]
        await self._limiter.spend(scope, credential)
        state["slot"] = await self._slots.enter(credential.family, state["is_gone"])
        body, messages = await _read(receive)
        data = None if body is None else _decoded(body)
        if data is None:
            state.pop("slot")()
            return None, _replayed(messages, receive)
        state["credential"], state["guild_id"], state["route"] = credential, guild_id, ROUTE
        return BytesResponse(200, _HEADERS.copy(), _encode(await self._activity.record(guild_id, data.events))), receive


def _authorization(scope: HTTPScope) -> bytes | None:
    """The value of the header, where everything about the headers is plain."""
    found = None
    is_json = False
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
        elif name == b"content-type":
            if is_json or value.lower() not in _PLAIN:
                return None
            is_json = True
        elif name == b"content-length":
            if len(value) > 7 or not value.isdigit() or int(value) > INLINE_BYTES:
                return None
        elif name in _UNUSUAL or (name == b"accept" and b"msgpack" in value.lower()):
            return None
    return found if is_json else None


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
        if sum(map(len, chunks)) > INLINE_BYTES:
            return None, messages
        if not message["more_body"]:
            return b"".join(chunks), messages


def _decoded(body: bytes) -> RecordActivity | None:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the ordinary way says what is wrong with it


def _replayed(messages: list[HTTPReceiveMessage], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def again() -> ReceiveMessage:
        found = next(waiting, None)
        return await receive() if found is None else found

    return again
