"""Traces by OpenTelemetry: a span for each request, statement and job. Off unless `start` was called; then the extra
`otel` is needed.

Spans hold templates, names, statuses and durations. They hold no id, no address, no parameter and no text of a
statement, so no personal data."""

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from api.lib.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

# For a batch. At its end, the server waits for one batch that is on its way, and for the last one.
SEND_SECONDS = 2.0

_verb = re.compile(r"\s*([A-Z]+)").match
_table = re.compile(r'\b(?:FROM|INTO|JOIN|TABLE|UPDATE)\s+"?([a-z_]+)').search
_HEADERS = (b"traceparent", b"tracestate")


class Request(Protocol):
    """What a span says of a request at its end."""

    @property
    def method(self) -> str: ...

    @property
    def route(self) -> str: ...

    @property
    def status(self) -> int: ...


class Statement(Protocol):
    """A statement that has run, as asyncpg logs it. `elapsed`: seconds."""

    query: str
    elapsed: float
    exception: Exception | None


class Connection(Protocol):
    """What logs its statements, as asyncpg's connections do."""

    def add_query_logger(self, callback: Callable[[Any], None]) -> None: ...  # Any: asyncpg's own Statement


class _Tracing(NamedTuple):
    provider: "TracerProvider"
    tracer: "Tracer"


_state: list[_Tracing] = []


def is_installed() -> bool:
    """Whether the packages that make and send spans are here."""
    return find_spec("opentelemetry.exporter") is not None and find_spec("opentelemetry.sdk") is not None


def fault(url: str) -> str | None:
    """Why no spans can be sent there; None if they can."""
    if not is_installed():
        return "needs more packages: install `guildhall-server[otel]`."
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and parts.hostname is not None and parts.port != 0
    except ValueError:
        is_address = False
    return None if is_address else "is no address of a collector, such as http://127.0.0.1:4318/v1/traces."


def start(url: str) -> None:
    """Sends spans to a collector. `url`: where it takes OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    start_with(BatchSpanProcessor(OTLPSpanExporter(url, timeout=SEND_SECONDS)))


def start_with(processor: "SpanProcessor") -> None:
    """Gives spans to a processor. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_TRACES_SAMPLER` say what
    OpenTelemetry says of them."""
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider

    ours = Resource({SERVICE_NAME: "guildhall", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _state[:] = [_Tracing(provider, provider.get_tracer("guildhall", VERSION))]


def stop() -> None:
    """Sends what is left, and traces nothing more."""
    while _state:
        _state.pop().provider.shutdown()


def is_on() -> bool:
    """Whether spans are made."""
    return bool(_state)


@contextmanager
def request(headers: Iterable[tuple[bytes, bytes]], of: Request) -> Iterator[None]:
    """The span of a request, a part of its client's trace if it names one."""
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    given = {name.decode(): value.decode("latin-1") for name, value in headers if name in _HEADERS}
    parent = TraceContextTextMapPropagator().extract(given)
    with _state[0].tracer.start_as_current_span("request", parent, SpanKind.SERVER) as span:
        try:
            yield
        finally:
            span.update_name(f"{of.method} {of.route}")
            span.set_attributes(
                {
                    "http.request.method": of.method,
                    "http.route": of.route,
                    "http.response.status_code": of.status,
                }
            )
            if of.status >= 500:
                span.set_status(StatusCode.ERROR)


def trace_id() -> str | None:
    """The id of the trace that is being recorded here, 32 hex digits."""
    if not _state:
        return None
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    return f"{span.get_span_context().trace_id:032x}" if span.is_recording() else None


def job(kind: str) -> AbstractContextManager[object]:
    """The span of a job."""
    if not _state:
        return nullcontext()
    return _state[0].tracer.start_as_current_span(f"job {kind}", record_exception=False)


async def watch(connection: Connection) -> None:
    """Makes a span of each statement of this connection. It is asyncpg's `init` of a pool."""
    if _state:
        connection.add_query_logger(_note)


def _note(statement: Statement) -> None:
    """Called after a statement, in the context in which it ran. Its span is a part of the request's or job's."""
    if not _state:
        return
    from opentelemetry.trace import SpanKind, StatusCode, get_current_span

    if not get_current_span().is_recording():
        return  # what the server does by itself, such as its polls, is in no trace
    ended = time.time_ns()
    span: Span = _state[0].tracer.start_span(
        name_of(statement.query),
        kind=SpanKind.CLIENT,
        attributes={"db.system.name": "postgresql"},
        start_time=ended - int(statement.elapsed * 1e9),
    )
    if statement.exception is not None:
        span.set_attribute("error.type", type(statement.exception).__name__)
        span.set_status(StatusCode.ERROR)
    span.end(ended)


@lru_cache(4096)
def name_of(statement: str) -> str:
    """The name of a statement: that of its constant (`activity.queries.STORE`), else its verb and its first table."""
    named = _constants().get(statement)
    if named is not None:
        return named
    verb, table = _verb(statement), _table(statement)
    if verb is None:
        return "statement"
    return verb[1] if table is None else f"{verb[1]} {table[1]}"


@lru_cache(1)
def _constants() -> Mapping[str, str]:
    """The names of all statements that stand in modules of queries, by their text."""
    return {
        value: f"{name.removeprefix('guildhall_server.').removeprefix('api.')}.{constant}"
        for name, module in list(sys.modules.items())
        if name.endswith(("queries", "_sql"))
        for constant, value in vars(module).items()
        if constant.isupper() and isinstance(value, str)
    }
