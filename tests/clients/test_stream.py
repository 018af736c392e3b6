"""The event stream from the client's side: it goes on after the last event, whatever breaks."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import cast

import httpx2
import pytest
from litestar.types import ASGIApp

from guildhall_client import Guildhall, Problem, StreamEvent
from tests.clients.transports import Chunks, Script
from tests.support.clients import Clients
from tests.support.people import HARBOUR
from tests.support.serving import serve


def frame(number: int, data: str = "{}") -> bytes:
    return f"id: {number}\nevent: guild.updated\ndata: {data}\n\n".encode()


def stream(*chunks: bytes, breaks: bool = False, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(200, headers=named, stream=Chunks(*chunks, breaks=breaks))


async def test_it_goes_on_after_the_last_one() -> None:
    whole = frame(7, '{"name": "line\u2028separator"}')
    script = Script(
        partial(stream, breaks=True, last_event_id="4"),
        lambda: httpx2.Response(503, headers={"Retry-After": "0"}),
        partial(stream, b": hello\n", frame(5) + frame(6) + whole[:9], whole[9:], b"id: 8\nevent: cut", breaks=True),
        partial(stream, frame(8).replace(b"\n", b"\r\n")),
        lambda: httpx2.Response(410, json={"type": "urn:guildhall:problem:events-gone", "title": "Gone"}),
    )
    found: list[StreamEvent] = []
    async with Guildhall("http://guildhall.test", "key", transport=script) as guildhall:
        with pytest.raises(Problem) as gone:  # noqa: PT012 - it raises after some
            async for event in guildhall.events(guild_id=HARBOUR, types=["guild.updated"]):
                found.append(event)  # noqa: PERF401 - until it raises
    assert gone.value.status == 410
    assert [event.id for event in found] == ["5", "6", "7", "8"]
    assert found[2].data == {"name": "line\u2028separator"}
    asked = [request.headers.get("last-event-id") for request in script.sent]
    assert asked == [None, "4", "4", "7", "8"]
    assert dict(script.sent[0].url.params) == {"guild_id": str(HARBOUR), "types": "guild.updated"}


async def test_a_change_arrives(bot: httpx2.AsyncClient, app: ASGIApp, clients: Clients) -> None:
    async with serve(app, lifespan="off") as url, Guildhall(url, await clients.key()) as guildhall:
        await guildhall.put_guild(HARBOUR, "Haven")
        events = guildhall.events(types=["guild.updated"], last_event_id="0")
        async with aclosing(cast("AsyncGenerator[StreamEvent, None]", events)) as reading:
            async for event in reading:
                if event.data["guild_id"] == str(HARBOUR):
                    break
    assert event.event == "guild.updated"
