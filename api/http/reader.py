"""Parses a connection: uvicorn's parser, with a bound for everything that a client can make long.

httptools keeps a header until it is complete, however long it is. So this class counts bytes as they arrive, and every
part has a deadline."""

import asyncio
import math
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.errors import GuildhallError, HeaderTooLarge, RequestLineTooLong, UnreadableRequest

HEAD_BYTES = 32 * 1024  # of a request's first line and header, and of the trailer of a chunked body
LINE_BYTES = 8 * 1024
LONGEST_METHOD = 64  # with the version and the ends of lines, which do not count
HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
BODY_RATE = 1024.0  # bytes a second, on top of that
IDLE_SECONDS = 65.0
MOST_PIPELINED = 32  # requests behind the running one

_PIECE = 8 * 1024


class _Refused(Exception):
    """Stops the parser. `_fault` has the reason."""


class BoundedReader(HttpToolsProtocol):
    """Reads the requests of a connection one by one: the header, then the body. `due`: the deadline of the next part,
    in the loop's time."""

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
        self._ignores_input = False  # all further input is dropped
        self._in_head = self._in_body = False
        self._calls = 0  # calls by the parser
        self._size = 0  # bytes of the header that the parser has reported
        self._held_back = 0  # bytes since then that the parser has not reported
        self._given = 0  # bytes of the header, if its beginning is known
        self._begun = 0  # messages
        self._is_upgrade = False  # it asks for another protocol
        self._fault: GuildhallError | None = None

    def data_received(self, data: bytes) -> None:
        if self._in_body or self._size + len(data) <= HEAD_BYTES:
            self._feed(data)
            return
        for at in range(0, len(data), _PIECE):
            self._feed(data[at : at + _PIECE])

    def _feed(self, data: bytes) -> None:
        if self._ignores_input:
            return
        calls, begun = self._calls, self._begun
        was_in_head, was_in_body = self._in_head, self._in_body
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_upgrade:
                self._feed_as_it_is(data[upgrade.args[0] :])
            else:
                self._stop_reading()  # CONNECT: another protocol follows
        except httptools.HttpParserError:
            if not self._ignores_input:
                self._refuse(self._fault or UnreadableRequest())
        else:
            self._held_back = self._held_back + len(data) if calls == self._calls else 0
            # Whether all these bytes belong to one header, which began here or earlier. Otherwise its beginning is
            # unknown.
            is_whole = self._begun - begun == (0 if was_in_head else 1) and not was_in_body
            self._given = (self._given if was_in_head else 0) + len(data) if is_whole else 0
            size = max(self._size + self._held_back, self._given - LONGEST_METHOD)
            if (self._in_head or self._in_body) and size > HEAD_BYTES:
                self._refuse(_header_too_large())

    def _feed_as_it_is(self, rest: bytes) -> None:
        """Handles an `Upgrade` request like any other (RFC 9110, 7.8). The parser skips its body, so a new parser gets
        its header without `Upgrade`."""
        version = self.parser.get_http_version().encode()
        head = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        head += b"".join(b"%s: %s\r\n" % each for each in self.headers if each[0] != b"upgrade")
        self._is_upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        self._feed(head + b"\r\n")
        self.data_received(rest)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._calls += 1
        self._begun += 1
        self._in_head = True
        self._size = 0
        self.due = self.loop.time() + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._calls += 1
        self._size += len(url)
        if len(self.url) + len(self.parser.get_method()) + len("  HTTP/1.1") > LINE_BYTES:
            self._stop(RequestLineTooLong(f"The request's first line is longer than {LINE_BYTES} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._calls += 1
        self._size += len(name) + len(value) + len(": \r\n")
        if self._size > HEAD_BYTES:
            self._stop(_header_too_large())
        if self._in_head:  # a trailer is no header of the request
            super().on_header(name, value.strip(b" \t"))  # RFC 9110, 5.5: the parser strips only the beginning

    def on_headers_complete(self) -> None:
        self._is_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_upgrade:
            return
        if len(self.pipeline) >= MOST_PIPELINED:
            self._stop_reading()  # the client repeats unanswered requests
            raise _Refused
        super().on_headers_complete()
        self._calls += 1
        self._in_head, self._in_body = False, True
        if not self._ignores_input:
            self.due = self.loop.time() + BODY_SECONDS

    def on_body(self, body: bytes) -> None:
        self._calls += 1
        if not self.cycle.response_complete:
            self.due += len(body) / BODY_RATE
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_upgrade:
            return
        super().on_message_complete()
        self._calls += 1
        self._in_body = False
        self._size = 0
        if not self._ignores_input:
            self.due = self.loop.time() + IDLE_SECONDS if self.cycle.response_complete else math.inf

    def _stop(self, fault: GuildhallError) -> None:
        self._fault = fault
        raise _Refused

    def _stop_reading(self) -> None:
        """Ends the connection after the answers that are still due."""
        self._ignores_input = True
        self.due = math.inf
        self.cycle.keep_alive = False

    def _refuse(self, error: GuildhallError) -> None:
        """Answers with a protocol fault, and stops reading. The subclass knows how: `api.http.protocol`."""
        raise NotImplementedError


def _header_too_large() -> HeaderTooLarge:
    return HeaderTooLarge(f"The header is larger than {HEAD_BYTES} bytes.")
