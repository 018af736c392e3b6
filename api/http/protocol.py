"""How a connection is read: uvicorn's protocol, with a bound for everything that a client can make long or slow.

httptools keeps a header until it is whole, however long, and nobody looks at the clock meanwhile. Bytes are counted
here as they come. What is wrong is told in the shape of every other refusal, once, and the connection ends."""

import asyncio
import math
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools
import structlog
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.errors import (
    GuildhallError,
    HeaderTooLarge,
    Overloaded,
    RequestLineTooLong,
    RequestTimeout,
    UnreadableRequest,
)
from api.http.admission import PROBES
from api.http.budgets import network
from api.http.connections import Connections
from api.http.security_headers import lines
from api.lib.flood import Flood

HEAD_BYTES = 32 * 1024  # of a request's line and header, and of what comes behind a body in chunks
LINE_BYTES = 8 * 1024
LONGEST_METHOD = 64  # with the version and the ends of lines, which do not count
HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
BODY_RATE = 1024.0  # bytes a second that a body may take on top of that
IDLE_SECONDS = 65.0
LINGER_SECONDS = 2.0  # in which a client that still sends may read why it was refused
MOST_PIPELINED = 32  # requests behind the one that is being answered

_PIECE = 8 * 1024
_END = b"\r\n\r\n"  # of a header

log = structlog.get_logger("guildhall.connections")
_flood = Flood("unreadable requests")


class _Refused(Exception):
    """Stops the parser; `_fault` says why."""


def connections_of(app: Any) -> Connections:  # Any: the application, with what uvicorn has put around it
    """What all connections to an application share."""
    found: Connections | None = getattr(app, "connections", None)
    return connections_of(app.app) if found is None else found


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its requests are read one by one: the header, then the body."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: uvicorn's own
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self.due = math.inf
        self.address = ""
        self._all = connections_of(config.loaded_app)
        self._is_deaf = False  # nothing that comes is read any more
        self._is_spare = False
        self._in_head = self._in_body = False
        self._heard = 0  # calls of the parser
        self._size = 0  # bytes of the header that it has told of
        self._held_back = 0  # bytes that it was given since, and told nothing of
        self._given = 0  # bytes of the header, where it is known with which it began
        self._begun = 0  # messages
        self._is_upgrade = False  # it asks for another protocol
        self._fault: GuildhallError | None = None

    @property
    def is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's types leave out that there is none at first
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.address = "" if self.client is None else network(self.client[0])
        self.due = self.loop.time() + HEAD_SECONDS
        self._all.add(self)
        self._is_spare = self._all.is_full
        if self._all.is_crowded:
            self._all.turn_away("connections")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_body or self._size + len(data) <= HEAD_BYTES:
            self._feed(data)
            return
        for at in range(0, len(data), _PIECE):
            self._feed(data[at : at + _PIECE])

    def _feed(self, data: bytes) -> None:
        if self._is_deaf:
            return
        heard, begun = self._heard, self._begun
        was_in_head, was_in_body = self._in_head, self._in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_upgrade:
                self._feed_as_it_is(data[upgrade.args[0] :])
            else:
                self._hear_no_more()  # CONNECT: what follows is something else
        except httptools.HttpParserError:
            if not self._is_deaf:
                self._refuse(self._fault or UnreadableRequest())
        else:
            self._held_back = self._held_back + len(data) if heard == self._heard else 0
            # All of it is of one header that began here, or began before; else it is not known where that one begins.
            is_whole = self._begun - begun == (0 if was_in_head else 1) and not was_in_body
            self._given = (self._given if was_in_head else 0) + len(data) if is_whole else 0
            size = max(self._size + self._held_back, self._given - LONGEST_METHOD)
            if (self._in_head or self._in_body) and size > HEAD_BYTES:
                self._refuse(_header_too_large())

    def _feed_as_it_is(self, rest: bytes) -> None:
        """What asks for another protocol is a request like any other (RFC 9110, 7.8). The parser skips its body, so
        another one is given its header anew, without what asks for that."""
        version = self.parser.get_http_version().encode()
        head = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        head += b"".join(b"%s: %s\r\n" % each for each in self.headers if each[0] != b"upgrade")
        self._is_upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._feed(head + b"\r\n")
        self.data_received(rest)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._heard += 1
        self._begun += 1
        self._in_head = True
        self._size = 0
        self.due = self.loop.time() + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._heard += 1
        self._size += len(url)
        if len(self.url) + len(self.parser.get_method()) + len("  HTTP/1.1") > LINE_BYTES:
            self._stop(RequestLineTooLong(f"The request's first line is longer than {LINE_BYTES} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._heard += 1
        self._size += len(name) + len(value) + len(": \r\n")
        if self._size > HEAD_BYTES:
            self._stop(_header_too_large())
        if self._in_head:  # behind a body nothing is taken for a header of the request
            super().on_header(name, value.strip(b" \t"))  # RFC 9110, 5.5: the parser strips the beginning

    def on_headers_complete(self) -> None:
        self._is_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_upgrade:
            return
        if len(self.pipeline) >= MOST_PIPELINED:
            self._hear_no_more()  # the client sends again what is not answered
            raise _Refused
        super().on_headers_complete()
        self._heard += 1
        self._in_head, self._in_body = False, True
        if not self._is_deaf:
            self.due = self.loop.time() + BODY_SECONDS

    def on_body(self, body: bytes) -> None:
        self._heard += 1
        if not self.cycle.response_complete:
            self.due += len(body) / BODY_RATE
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_upgrade:
            return
        super().on_message_complete()
        self._heard += 1
        self._in_body = False
        self._size = 0
        if not self._is_deaf:
            self.due = self.loop.time() + IDLE_SECONDS if self.cycle.response_complete else math.inf

    def on_response_complete(self) -> None:
        """As uvicorn has it, but with no timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._in_body:
            self.due = min(self.due, self.loop.time() + BODY_SECONDS)  # it has its answer, and still sends
        elif not self._in_head:
            self.due = self.loop.time() + IDLE_SECONDS

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope["state"]["is_gone"] = partial(_is_gone, cycle)
        if self._is_spare:
            cycle.keep_alive = False
            if cycle.scope["path"] not in PROBES:
                self._end_with(Overloaded("Too many connections are open. Try again soon."))
                return
        if self._all.admission.begins_at_once(cycle.scope):  # type: ignore[arg-type] # uvicorn has its own word for a scope
            super()._start_asgi_task(cycle, app)
        elif not self._all.admission.wait(cycle.scope, partial(self._begin, cycle, app)):  # type: ignore[arg-type] # the same
            self._all.turn_away("crowd")
            self.close()

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application, refusal: GuildhallError | None) -> None:
        if cycle.disconnected:
            return
        if refusal is None:
            super()._start_asgi_task(cycle, app)
        else:
            self._turn_down(cycle, refusal)

    def _turn_down(self, cycle: RequestResponseCycle, error: GuildhallError) -> None:
        """Answers a request without beginning it. What may still come of its body is read and thrown away."""
        self._all.turn_away("crowd")
        if not _flood.is_over():
            log.info("refused", problem=error.type, status=error.status)
        refusal = self._all.refusal(
            error, cycle.scope["path"], asked=list(cycle.scope["headers"]), closes=not cycle.keep_alive
        )
        head, _, body = refusal.partition(_END)
        self.transport.write(
            STATUS_LINE[error.status]
            + lines(self.server_state.default_headers)
            + head
            + _END
            + (b"" if cycle.scope["method"] == "HEAD" else body)
        )
        cycle.response_started = cycle.response_complete = True
        cycle.body.clear()
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def late(self) -> None:
        """It was not heard of in time."""
        waits_for_us = self.flow.read_paused or (not self.is_idle and self.cycle.waiting_for_100_continue)
        if waits_for_us and not self._is_deaf:
            self.due = self.loop.time() + BODY_SECONDS
        elif self._in_head and not self._is_deaf:
            self._refuse(RequestTimeout(f"The header was not complete within {HEAD_SECONDS:.0f} seconds."))
        elif self._in_body and not self.cycle.response_complete and not self._is_deaf:
            self._refuse(RequestTimeout("The body came too slowly."))
        else:
            self.close()

    def close(self) -> None:
        """Ends the connection, now. Whoever is about to answer on it is told that nobody reads that any more:
        to write to what is closed would be an error."""
        if not self.is_idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _stop(self, fault: GuildhallError) -> None:
        self._fault = fault
        raise _Refused

    def _hear_no_more(self) -> None:
        """Has the connection end when what was asked so far is answered."""
        self._is_deaf = True
        self.due = math.inf
        self.cycle.keep_alive = False

    def _refuse(self, error: GuildhallError) -> None:
        """Says what is wrong with what comes, if nothing else is being said, and hears no more."""
        if self.is_idle or (self._in_body and not self.cycle.response_started and not self.pipeline):
            self._end_with(error)
            return
        self._all.turn_away(error.type)
        self._hear_no_more()  # wrong is what follows a request: that one is answered
        if self.cycle.response_started or self._in_body:
            self.close()

    def _end_with(self, error: GuildhallError) -> None:
        """Writes a refusal. A while later the connection is closed: at once, and the client would not see why."""
        self._is_deaf = True
        self._all.turn_away(error.type)
        if not _flood.is_over():
            log.info("refused", problem=error.type, status=error.status)
        if not self.is_idle:
            self.cycle.disconnected = True  # whoever reads the body learns that there will be no more of it
            self.cycle.message_event.set()
        self.transport.write(
            STATUS_LINE[error.status]
            + lines(self.server_state.default_headers)
            + self._all.refusal(error, self._instance())
        )
        self.transport.write_eof()
        self.due = self.loop.time() + LINGER_SECONDS

    def _instance(self) -> str:
        """The path, as far as it came."""
        path = self.url.partition(b"?")[0][:256]
        return unquote_to_bytes(path).decode(errors="replace") if path.startswith(b"/") else "/"


def _is_gone(cycle: RequestResponseCycle) -> bool:
    """Whether nobody waits for the answer any more."""
    return cycle.disconnected


def _header_too_large() -> HeaderTooLarge:
    return HeaderTooLarge(f"The header is larger than {HEAD_BYTES} bytes.")
