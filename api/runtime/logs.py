"""Logs: JSON lines in UTC, or coloured lines for a person. The loggers of uvicorn and asyncpg are included."""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

FLUSH_SECONDS = 0.05

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# Without the values of local variables: keys and bodies are among them.
_TRACE = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _json(_logger: Any, _method: str, event: structlog.typing.EventDict) -> bytes:  # Any: structlog's signature
    return _encode(event)


def _without_nothing(
    _logger: Any,  # Any: structlog's signature
    _method: str,
    event: structlog.typing.EventDict,
) -> structlog.typing.EventDict:
    """Drops empty members for a person; a machine gets every member."""
    return {name: value for name, value in event.items() if value is not None}


def _without_warnings_trace(
    _logger: Any,  # Any: structlog's signature
    _method: str,
    event: structlog.typing.EventDict,
) -> structlog.typing.EventDict:
    """Drops the trace of a library's warning (asyncpg's pool while the database is away); only errors need one."""
    found = event.get("exc_info")
    if found and event["_record"].levelno < logging.ERROR:
        del event["exc_info"]
        event["error"] = repr(found[1])[:300]
    return event


class Lines:
    """Writes lines to standard output. In an event loop, a line may wait 50 ms, so that many share one system call. An
    error is written at once, with all waiting lines."""

    def __init__(self, *_names: object) -> None:
        self._waiting = False

    def info(self, line: bytes) -> None:
        sys.stdout.buffer.write(line + b"\n")
        if self._waiting:
            return
        try:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)
            self._waiting = True
        except RuntimeError:
            self._flush()

    def error(self, line: bytes) -> None:
        sys.stdout.buffer.write(line + b"\n")
        self._flush()

    debug = warning = msg = info
    critical = exception = error

    def _flush(self) -> None:
        self._waiting = False
        sys.stdout.buffer.flush()


def configure(level: str, *, console: bool) -> None:
    """Sets up structlog, also for the standard library's logs."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    last: list[Processor]
    factory: Callable[..., object]
    if console:
        last = [
            _without_nothing,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), sort_keys=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        factory = structlog.PrintLoggerFactory(sys.stderr)
    else:
        last = [_TRACE, _json]
        factory = Lines
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    _redirect(level, shared, last if console else [_TRACE, _json_text], console=console)


def _redirect(level: str, shared: Sequence[Processor], last: Sequence[Processor], *, console: bool) -> None:
    """Writes the standard library's logs (uvicorn, asyncpg) as structlog writes ours."""
    handler = logging.StreamHandler(sys.stderr if console else sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_warnings_trace],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def _json_text(logger: Any, method: str, event: structlog.typing.EventDict) -> str:  # Any: structlog's signature
    return _json(logger, method, event).decode()
