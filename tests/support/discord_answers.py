"""Requests to the stand-in for Discord, its answers, and faults that it can have."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[["Call"], Awaitable[Answer | None]]


class Call(msgspec.Struct):
    """A request with its whole body."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]


def json_answer(status: int, body: object, **headers: str) -> Answer:
    """An answer in JSON. `retry_after` becomes `retry-after`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"content-type": "application/json", **named}, msgspec.json.encode(body)


def limited(seconds: float, *, everything: bool = False) -> Answer:
    """A 429 in Discord's form."""
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": everything}
    headers = {"x-ratelimit-global": "true"} if everything else {"x-ratelimit-bucket": "abcd1234"}
    answer = json_answer(429, body)
    return answer[0], {**answer[1], **headers, "retry-after": str(max(1, round(seconds)))}, answer[2]


def unauthorized() -> Answer:
    return json_answer(401, {"message": "401: Unauthorized", "code": 0})


def redirect(uri: str, query: dict[str, str]) -> Answer:
    return 302, {"location": f"{uri}?{urlencode(query)}"}, b""


async def read(scope: Any, receive: Any) -> Call:  # Any: ASGI's own
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    return Call(scope["method"], scope["path"], query, form, headers)


async def live(receive: Any, send: Any) -> None:  # Any: the same
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def broken(_call: Call) -> Answer:
    """A fault: Discord's own error."""
    return 502, {"content-type": "text/html"}, b"<html>bad gateway</html>"


async def forbidden(_call: Call) -> Answer:
    """A fault: not allowed with this grant."""
    return json_answer(403, {"message": "Missing Access", "code": 50001})


async def silence(_call: Call) -> Answer | None:
    """A fault: no answer for half a minute."""
    await asyncio.sleep(30)
    return None
