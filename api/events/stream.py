"""The response of an event stream: first the missed events, then each new one."""

import asyncio
from collections.abc import Awaitable, Callable

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from api.auth.actors import Credential
from api.events.broadcaster import Filter, Subscriber
from api.events.service import EventService
from api.http.context import RequestContext, context_of

MEDIA_TYPE = "text/event-stream"
PAGE_SECONDS = 30.0  # for a page of missed events; a slower client continues with another request
_GREETING = b": connected\n"


class EventStream(ASGIResponse):
    """Server-Sent Events. Litestar's own response would need a task for each stream, and cannot end from outside."""

    __slots__ = ("_after", "_events", "_recheck", "_wanted")

    def __init__(
        self, events: EventService, wanted: Filter, after: int, recheck: Callable[[], Awaitable[Credential]]
    ) -> None:
        """Begins after a position. `recheck` returns the present credential, or raises why it is not valid any more."""
        self._events = events
        self._wanted = wanted
        self._after = after
        self._recheck = recheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leave = self._events.bounds.enter(self._wanted.credential)
        try:
            await self._answer(context_of(scope), receive, send)
        finally:
            leave()

    async def _answer(self, context: RequestContext, receive: Receive, send: Send) -> None:
        context.give_slot_back()  # it may stay open for days
        context.give_up_after(None)
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would buffer events
            (b"last-event-id", b"%d" % self._after),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if not context.is_head and not await self._stream(receive, send):
            return  # its reader is gone, or too slow: the server cuts the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, receive: Receive, send: Send) -> bool:
        """Whether the stream ended while its client was still reading."""
        await send({"type": "http.response.body", "body": _GREETING, "more_body": True})
        broadcaster = self._events.broadcaster
        stream = Subscriber(self._wanted, send, asyncio.timeout(None), self._recheck)
        try:
            async with stream.over:
                broadcaster.add(stream)
                await self._catch_up(stream, send)
                # No await between the last read and this: every event published from now on is sent.
                stream.after, stream.is_live = self._after, True
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:  # the process stops, the credential ended, the reader is too slow
            return stream.is_live and not stream.is_slow
        else:
            return False
        finally:
            broadcaster.remove(stream)
            await stream.finish()

    async def _catch_up(self, stream: Subscriber, send: Send) -> None:
        while (upto := self._events.broadcaster.position or 0) > self._after:
            async for frames in self._events.missed(self._wanted, self._after, upto):
                stream.end_after(PAGE_SECONDS)
                await send({"type": "http.response.body", "body": b"".join(frames), "more_body": True})
            self._after = upto
        stream.end_after(None)
