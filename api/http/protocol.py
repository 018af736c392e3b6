"""A connection: when its requests begin, and how it ends.

A fault of the protocol gets one answer, in the shape of every other refusal. Then the connection ends."""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

from api.errors import GuildhallError, Overloaded, RequestTimeout
from api.http import reader
from api.http.admission import PROBES
from api.http.budgets import network
from api.http.connections import Connections
from api.http.reader import BoundedReader
from api.http.security_headers import lines
from api.lib.flood import Flood

LINGER_SECONDS = 2.0  # for a client that still sends, to read why it was refused

_END = b"\r\n\r\n"  # of a header

log = structlog.get_logger("guildhall.connections")
_flood = Flood("unreadable requests")


def connections_of(app: Any) -> Connections:  # Any: the application, with what uvicorn has put around it
    """The state that all connections to an application share."""
    found: Connections | None = getattr(app, "connections", None)
    return connections_of(app.app) if found is None else found


class BoundedProtocol(BoundedReader):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: uvicorn's own
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self._all = connections_of(config.loaded_app)
        self._is_spare = False

    @property
    def is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's types omit that there is none at first
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.address = "" if self.client is None else network(self.client[0])
        self.due = self.loop.time() + reader.HEAD_SECONDS
        self._all.add(self)
        self._is_spare = self._all.is_full
        if self._all.is_crowded:
            self._all.turn_away("connections")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.remove(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """As in uvicorn, but without a timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._in_body:
            self.due = min(self.due, self.loop.time() + reader.BODY_SECONDS)  # it has its answer, and still sends
        elif not self._in_head:
            self.due = self.loop.time() + reader.IDLE_SECONDS

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope["state"]["is_gone"] = partial(_is_gone, cycle)
        if self._is_spare:
            cycle.keep_alive = False
            if cycle.scope["path"] not in PROBES:
                self._end_with(Overloaded("Too many connections are open. Try again soon."))
                return
        if self._all.admission.begins_at_once(cycle.scope):  # type: ignore[arg-type] # uvicorn has its own type of a scope
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
        """Answers a request without beginning it. The rest of its body is read and discarded."""
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
        """Handles a missed deadline."""
        waits_for_us = self.flow.read_paused or (not self.is_idle and self.cycle.waiting_for_100_continue)
        if waits_for_us and not self._ignores_input:
            self.due = self.loop.time() + reader.BODY_SECONDS
        elif self._in_head and not self._ignores_input:
            self._refuse(RequestTimeout(f"The header was not complete within {reader.HEAD_SECONDS:.0f} seconds."))
        elif self._in_body and not self.cycle.response_complete and not self._ignores_input:
            self._refuse(RequestTimeout("The body came too slowly."))
        else:
            self.close()

    def close(self) -> None:
        """Ends the connection now. The running request is marked as disconnected, because writing to a closed
        connection would be an error."""
        if not self.is_idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _refuse(self, error: GuildhallError) -> None:
        """Answers with a protocol fault unless another answer is under way, and stops reading."""
        if self.is_idle or (self._in_body and not self.cycle.response_started and not self.pipeline):
            self._end_with(error)
            return
        self._all.turn_away(error.type)
        self._stop_reading()  # the fault is behind a request, which still gets its answer
        if self.cycle.response_started or self._in_body:
            self.close()

    def _end_with(self, error: GuildhallError) -> None:
        """Writes a refusal. The connection closes a little later: otherwise the client would not see the reason."""
        self._ignores_input = True
        self._all.turn_away(error.type)
        if not _flood.is_over():
            log.info("refused", problem=error.type, status=error.status)
        if not self.is_idle:
            self.cycle.disconnected = True  # the reader of the body learns that nothing more will come
            self.cycle.message_event.set()
        self.transport.write(
            STATUS_LINE[error.status]
            + lines(self.server_state.default_headers)
            + self._all.refusal(error, self._instance())
        )
        self.transport.write_eof()
        self.due = self.loop.time() + LINGER_SECONDS

    def _instance(self) -> str:
        """The path, as far as it arrived."""
        path = self.url.partition(b"?")[0][:256]
        return unquote_to_bytes(path).decode(errors="replace") if path.startswith(b"/") else "/"


def _is_gone(cycle: RequestResponseCycle) -> bool:
    """Whether nobody waits for the answer any more."""
    return cycle.disconnected
