"""Traces: a span for each request, its statements and each job, in which nobody can be found."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
from litestar import Litestar
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api import config
from api.config import UnsafeConfiguration
from api.lib import tracing
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message
from tests.imports.files import imported
from tests.support.people import ADA, HARBOUR
from tests.support.wiring import services_of

GUILD = f"/v1/guilds/{HARBOUR}"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
async def spans(bot: httpx2.AsyncClient, litestar_app: Litestar) -> AsyncIterator[InMemorySpanExporter]:
    """What is traced from now on. The connections of the running application were opened without traces."""
    database = services_of(litestar_app).database
    exporter = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(exporter))
    await each_connection(database, tracing.watch)
    yield exporter
    await each_connection(database, unwatch)
    tracing.stop()


async def each_connection(database: Database, act: Callable[[PlainConnection], Awaitable[None]]) -> None:
    pool = database.engine.pool
    assert pool is not None
    held = [await pool.acquire() for _ in range(database.pool_size)]
    for connection in held:
        await act(connection)  # type: ignore[arg-type] # a proxy of the pool, which passes everything on
        await pool.release(connection)


async def unwatch(connection: PlainConnection) -> None:
    connection.remove_query_logger(tracing._note)  # type: ignore[arg-type] # it asks for a class of asyncpg's own


def requests(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]


def statements(spans: InMemorySpanExporter, of: ReadableSpan) -> list[str]:
    """The names of a span's statements."""
    assert of.context is not None
    return [
        span.name
        for span in spans.get_finished_spans()
        if span.kind is SpanKind.CLIENT and span.parent is not None and span.parent.span_id == of.context.span_id
    ]


async def test_a_request_and_its_statements(spans: InMemorySpanExporter, bot: httpx2.AsyncClient) -> None:
    caller = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    assert (await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 7}, headers=caller)).is_success
    (span,) = requests(spans)
    assert span.name == "PATCH /v1/guilds/{guild_id}/settings/{module}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "PATCH",
        "http.route": "/v1/guilds/{guild_id}/settings/{module}",
        "http.response.status_code": 200,
    }
    assert span.context is not None
    assert (span.context.trace_id, span.parent and span.parent.span_id) == (int(TRACE, 16), int(PARENT, 16))
    names = statements(spans, span)
    assert any(name.startswith("settings.queries.") for name in names), names
    assert not any(name == "statement" for name in names), names


@pytest.mark.parametrize(
    ("method", "path", "name", "status"),
    [
        ("GET", f"{GUILD}/members/{ADA}", "GET /v1/guilds/{guild_id}/members/{user_id}", 404),
        ("HEAD", GUILD, "HEAD /v1/guilds/{guild_id}", 200),
        ("GET", f"/v1/nothing/{ADA}", "GET unmatched", 404),
        ("GET", "/health/live", "GET /health/live", 200),
    ],
)
async def test_every_way_in(
    spans: InMemorySpanExporter, bot: httpx2.AsyncClient, method: str, path: str, name: str, status: int
) -> None:
    assert (await bot.request(method, path)).status_code == status
    (span,) = requests(spans)
    assert (span.name, (span.attributes or {})["http.response.status_code"]) == (name, status)


async def test_nobody_can_be_found_in_it(spans: InMemorySpanExporter, bot: httpx2.AsyncClient) -> None:
    names = {"username": "lovelace", "display_name": "Ms. Lovelace"}  # no hexadecimal number has these letters
    await bot.post(f"{GUILD}/activity", json={"events": [message("event-1") | {"user": names}]})
    await bot.get(f"{GUILD}/leaderboard?around={ADA}")
    await bot.get(f"{GUILD}/members?search=Lovelace")
    assert len(requests(spans)) == 3
    for span in spans.get_finished_spans():
        text = span.to_json()
        found = [
            word for word in (str(ADA), str(HARBOUR), "lovelace", "Lovelace", "event-1", "127.0.0.1") if word in text
        ]
        assert found == [], text


async def test_a_job(spans: InMemorySpanExporter, bot: httpx2.AsyncClient) -> None:
    assert (await imported(bot, "csv", b"user_id,xp\n%d,5\n" % ADA))["status"] == "finished"
    async with asyncio.timeout(10):  # the job ends after it has said so
        while "job import" not in [span.name for span in spans.get_finished_spans()]:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


async def test_a_duration_names_a_trace(spans: InMemorySpanExporter, bot: httpx2.AsyncClient) -> None:
    """As an exemplar, which OpenMetrics has and the older text format has not."""
    await bot.get(GUILD, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = await bot.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert f'trace_id="{TRACE}"' in answer.text
    assert answer.text.endswith("# EOF\n")
    plain = await bot.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "trace_id" not in plain.text


async def test_a_failure(spans: InMemorySpanExporter, bot: httpx2.AsyncClient) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise RuntimeError(f"with the id {ADA}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("api.guilds.service.GuildService.get", failing)
        assert (await bot.get(GUILD)).status_code == 500
    (span,) = requests(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert str(ADA) not in span.to_json()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ('SELECT "guilds"."id" FROM "guilds" WHERE "guilds"."id" = $1', "SELECT guilds"),
        ('INSERT INTO "audit_log" ("at") VALUES ($1)', "INSERT audit_log"),
        ("UPDATE guilds SET name = $2", "UPDATE guilds"),
        ("BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN"),
        ("COMMIT", "COMMIT"),
        ("", "statement"),
    ],
)
def test_names_of_statements(statement: str, name: str) -> None:
    assert tracing.name_of(statement) == name


def test_without_the_packages_the_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"GUILDHALL_TRACES_URL": "http://127.0.0.1:4318/v1/traces"}
    assert config.load(environ, None).traces_url == environ["GUILDHALL_TRACES_URL"]
    monkeypatch.setattr(tracing, "is_installed", lambda: False)
    with pytest.raises(UnsafeConfiguration, match=r"guildhall-server\[otel\]"):
        config.load(environ, None)


@pytest.mark.parametrize("url", ["nonsense", "ftp://a/v1/traces", "http://", "http://[::1", "http://a:99999", "//a"])
def test_the_start_refuses_what_is_no_address(url: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="GUILDHALL_TRACES_URL is no address of a collector"):
        config.load({"GUILDHALL_TRACES_URL": url}, None)


def test_a_collector_that_is_silent_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "SEND_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing.start(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
        with tracing.job("import"):
            pass
        began = time.monotonic()
        tracing.stop()
    assert time.monotonic() - began < 8, "by itself, OpenTelemetry waits for ten seconds"


def test_a_collector_gets_them() -> None:
    """By OTLP over HTTP: the names stand in its protocol buffers as they are."""
    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tracing.start(f"http://127.0.0.1:{server.server_port}/v1/traces")
        with tracing.job("import"):
            pass
        tracing.stop()
        server.shutdown()
    assert any(b"job import" in body for body in got)
