"""What goes wrong in here: the deadline, an exception of our own, a handler that is no application."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from litestar import Litestar, get
from litestar.types import Receive, Scope, Send
from structlog.testing import capture_logs

from api.errors import DatabaseAway, GuildhallError
from api.http.middleware import OutermostMiddleware
from api.http.policy import PUBLIC
from api.http.problems import handle
from api.http.responses import ApiResponse
from api.lib.metrics import Metrics
from tests.support.serving import in_process

finished: list[str] = []


@get("/boom", opt=PUBLIC.opt)
async def boom() -> None:
    raise KeyError("password=hunter2")


@get("/slow", opt=PUBLIC.opt)
async def slow() -> None:
    await asyncio.sleep(30)
    finished.append("slow")


@get("/away", opt=PUBLIC.opt)
async def away() -> None:
    raise DatabaseAway


@get("/late", opt=PUBLIC.opt)
async def late() -> None:
    raise TimeoutError


@pytest.fixture
async def small() -> AsyncIterator[httpx2.AsyncClient]:
    """A small application that fails in every way, with a deadline of a twentieth of a second."""
    app = Litestar(
        [boom, slow, away, late],
        exception_handlers={Exception: handle, GuildhallError: handle},
        response_class=ApiResponse,
        openapi_config=None,
        logging_config=None,
    )
    async with in_process(OutermostMiddleware(app, Metrics(), timeout=0.05, https=True), "http://small.test") as client:
        yield client


def assert_problem(response: httpx2.Response, status: int, kind: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["strict-transport-security"].startswith("max-age=")
    assert response.json()["type"] == f"urn:guildhall:problem:{kind}"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert ("retry-after" in response.headers) == (status == 503)


async def test_an_exception_appears_in_the_log_only(small: httpx2.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await small.get("/boom")
    assert_problem(response, 500, "internal-error")
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text
    [entry] = [entry for entry in logs if entry["log_level"] == "error"]
    assert isinstance(entry["exc_info"], KeyError)


async def test_a_slow_handler_is_given_up(small: httpx2.AsyncClient) -> None:
    assert_problem(await small.get("/slow"), 503, "overloaded")
    assert not finished


@pytest.mark.parametrize(("path", "kind"), [("/away", "database-away"), ("/late", "overloaded")])
async def test_what_is_away_comes_back(small: httpx2.AsyncClient, path: str, kind: str) -> None:
    assert_problem(await small.get(path), 503, kind)


async def raises(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ValueError("hunter2")


async def begins_and_raises(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("hunter2")


@pytest.mark.parametrize(("app", "status"), [(raises, 500), (begins_and_raises, 200)])
async def test_an_exception_outside_the_application(app: Callable[[Scope, Receive, Send], None], status: int) -> None:
    middleware, sent = OutermostMiddleware(app, Metrics(), timeout=1, https=False), []  # type: ignore[arg-type] # a coroutine function is one

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "http_version": "1.1",
        "headers": [(b"host", b"a")],
        "query_string": b"",
        "client": None,
    }
    with capture_logs() as logs:
        await middleware(scope, receive, send)  # type: ignore[arg-type] # as much of a scope as the middleware reads
    assert sent[0]["status"] == status
    assert [m["type"] for m in sent].count("http.response.start") == 1
    assert "an unhandled error outside the application" in [entry["event"] for entry in logs]
    assert b"hunter2" not in repr(sent).encode()
