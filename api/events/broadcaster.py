"""The broadcaster: sends each event to the open streams of this process.

An idle stream is a coroutine that waits for its client to go: no task, no timer, no database connection. Frames wait in
the stream's own bounded queue; a task sends them while there are any."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog

from api.auth.actors import Credential
from api.errors import DiscordAway, GuildhallError, Unavailable
from api.events.frames import Event
from api.lib.clock import Clock
from api.lib.metrics import Metrics

log = structlog.get_logger("guildhall.events")

MOST_WAITING = 256 * 1024  # bytes for one client; a slower one is disconnected, and continues where it was
SILENCE_SECONDS = 15.0
RECHECK_SECONDS = 60.0
HEARTBEAT_SECONDS = 0.5
FIRST_POLL_SECONDS = 2.0  # within which a server that has just started knows where streams begin

# A comment line, which clients ignore.
KEEP_ALIVE = b": keep-alive\n"


Send = Callable[[Any], Awaitable[None]]  # Any: a message, as each ASGI library types it


class Filter:
    """The events that a stream asked for and may see, and how much of each."""

    __slots__ = ("credential", "guild_id", "types")

    def __init__(self, credential: Credential, guild_id: int | None, types: frozenset[str]) -> None:
        """`types` empty: all."""
        self.credential = credential
        self.guild_id = guild_id
        self.types = types

    def frame(self, event: Event) -> bytes | None:
        """The frame to send for an event; None if the stream does not get it."""
        if (self.types and event.type not in self.types) or not self._sees(event):
            return None
        return event.frame(whole=self.credential.has(event.needs, event.guild_id))

    def _sees(self, event: Event) -> bool:
        if event.hidden_id is not None and self.credential.hidden_seen() not in (None, event.hidden_id):
            return False
        if event.guild_id is None:
            return True
        return self.guild_id in (None, event.guild_id) and self.credential.sees(event.guild_id)


class Subscriber:
    """One stream. `is_live`: it has caught up, and gets each event after the position `after`. `over` ends it."""

    __slots__ = (
        "_bytes", "_send", "_sending", "_waiting", "after", "checked_at", "filter",
        "is_live", "is_slow", "over", "recheck",
        "sent",
    )  # fmt: skip

    def __init__(
        self,
        wanted: Filter,
        send: Send,
        over: asyncio.Timeout,
        recheck: Callable[[], Awaitable[Credential]],
    ) -> None:
        """`recheck` returns the present credential, or raises why it is not valid any more."""
        self.filter = wanted
        self.over = over
        self.recheck = recheck
        self.sent = self.checked_at = time.monotonic()
        self.is_live = self.is_slow = False
        self.after = 0
        self._send = send
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._sending: asyncio.Task[None] | None = None

    def offer(self, frames: Iterable[bytes]) -> None:
        """Queues frames, or ends the stream if its client is too slow. One burst is no reason: only bytes that the
        client had not read before it count."""
        if self._bytes > MOST_WAITING:
            self.is_slow = True
            self.end()
            return
        for frame in frames:
            self._waiting.append(frame)
            self._bytes += len(frame)
        if self._sending is None:
            self._sending = asyncio.create_task(self._empty())

    def end(self) -> None:
        """Ends the stream now."""
        self.end_after(0)

    def end_after(self, seconds: float | None) -> None:
        """Ends the stream after `seconds`, unless called again; None: never."""
        with suppress(RuntimeError):  # it is ending already
            self.over.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    async def finish(self) -> None:
        """Waits until everything is sent, for a second at most."""
        sending = self._sending  # it sets its own to None as it ends
        if sending is not None:
            if self.is_slow:
                sending.cancel()
            await asyncio.wait({sending}, timeout=1)
            sending.cancel()

    async def _empty(self) -> None:
        try:
            while self._waiting:
                chunk, self._waiting, self._bytes = b"".join(self._waiting), [], 0
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                self.sent = time.monotonic()
        except OSError:
            self.end()  # the client has gone
        finally:
            self._sending = None


class Broadcaster:
    """The open streams of one process."""

    def __init__(self, clock: Clock, metrics: Metrics, stopping: Callable[[], bool]) -> None:
        """`stopping` returns whether this process is stopping."""
        self.position: int | None = None  # position of the last event that was published; None before the first poll
        self.polled_at = float("-inf")
        self._begun = asyncio.Event()
        self._clock = clock
        self._metrics = metrics
        self._stopping = stopping
        self._streams: set[Subscriber] = set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping()

    def begin_after(self, position: int) -> None:
        """Events after this position will be published."""
        self.position = position
        self._begun.set()

    async def known_position(self) -> int | None:
        """The position, once the first poll has said it; None if it has not within two seconds."""
        if self.position is None:
            self._begun.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_POLL_SECONDS):
                    await self._begun.wait()
        return self.position

    def count(self) -> int:
        """How many streams are open here."""
        return len(self._streams)

    def add(self, stream: Subscriber) -> None:
        """Adds a stream."""
        self._streams.add(stream)

    def remove(self, stream: Subscriber) -> None:
        """Removes a stream."""
        self._streams.discard(stream)

    def publish(self, events: list[Event]) -> None:
        """Sends events to the streams that get them. They must follow those that were published before."""
        if not events:
            return
        self.position = events[-1].position
        for stream in list(self._streams):
            if not stream.is_live:
                continue
            # Another process may have sent it more than this one had polled when it came here.
            new = (
                events
                if stream.after < events[0].position
                else [each for each in events if each.position > stream.after]
            )
            if frames := [frame for frame in map(stream.filter.frame, new) if frame is not None]:
                stream.offer(frames)

    def invalidate(self, kind: str, ids: set[int] | None) -> None:
        """Checks the credentials of streams again after keys or sessions have changed."""
        if kind in ("key", "session"):
            # In the form of credentials: a session's ids are below 0.
            credentials = None if ids is None else ids if kind == "key" else {-id_ for id_ in ids}
            for stream in self._streams:
                if credentials is None or stream.filter.credential.id in credentials:
                    stream.checked_at = float("-inf")

    async def run(self) -> None:
        """Keeps idle streams alive; ends streams whose credential ends, and all streams when the process stops."""
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                if self._stopping():
                    self.end_all()
                    continue
                try:
                    await self._heartbeat()
                except Exception:
                    log.exception("a check of the streams failed")
        finally:
            self.end_all()

    def end_all(self) -> None:
        """Ends every stream. The clients connect to another process, and miss nothing."""
        for stream in list(self._streams):
            stream.end()

    async def _heartbeat(self) -> None:
        now = time.monotonic()
        self._metrics.streams.set(self.count())
        self._metrics.stream_age.set(now - self.polled_at)
        for stream in list(self._streams):
            expires_at = stream.filter.credential.expires_at
            if expires_at is not None and expires_at <= self._clock.now().timestamp():
                stream.end()
            elif now - stream.checked_at > RECHECK_SECONDS:
                await self._check(stream)
            elif stream.is_live and now - stream.sent > SILENCE_SECONDS - HEARTBEAT_SECONDS:
                stream.sent = now
                stream.offer([KEEP_ALIVE])

    async def _check(self, stream: Subscriber) -> None:
        try:
            stream.filter.credential = await stream.recheck()
            stream.checked_at = time.monotonic()
        except DiscordAway:
            stream.end()  # the cached list of the person's guilds is too old
        except Unavailable:
            pass  # not known now: the next heartbeat checks again
        except GuildhallError:
            stream.end()
