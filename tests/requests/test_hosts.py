"""Whom a request says that it asks, and who may read the metrics."""

import asyncio
import json
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from api.app import create_litestar, with_middleware
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from tests.support.clients import BASE_URL
from tests.support.serving import in_process, serve

TOKEN = "a token of more than thirty-two characters"


async def ask(base_url: str, *lines: str) -> tuple[int, dict[str, object]]:
    """A request as these lines spell it, and no other; gives status and body."""
    where = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def test_a_request_says_once_whom_it_asks(app: ASGIApp) -> None:
    async with serve(app, lifespan="off") as base_url:
        for path in ("/health/live", "/v1/guilds", "/nowhere", "/admin/"):
            for hosts in (
                [],
                ["Host: a.test", "Host: a.test"],
                ["Host: a.test", "Host: b.test"],
                ["Host: a.test", "host: a.test"],
                ["Host:"],
                ["Host: a.test/path"],
                ["Host: a.test b.test"],
                ["Host: ada@a.test"],
                ["Host: a.test:port"],
                ["Host: [::1"],
                ["Host: a\xff.test"],
            ):
                status, problem = await ask(base_url, f"GET {path} HTTP/1.1", *hosts)
                assert (status, problem["type"]) == (400, "urn:guildhall:problem:bad-header"), (path, hosts)
        for line, *good in (
            ("GET /health/live HTTP/1.0",),
            ("GET /health/live HTTP/1.0", "Host: a.test"),
            ("GET /health/live HTTP/1.1", "Host: a_b.test:8000"),
            ("GET /health/live HTTP/1.1", "Host: [::1]:8000"),
        ):
            assert await ask(base_url, line, *good) == (200, {"status": "ok"}), good


async def test_a_request_says_once_as_whom_it_asks(app: ASGIApp, bot: httpx2.AsyncClient) -> None:
    """Also where it says the same twice: which of two counts, a proxy may see otherwise than we do."""
    good = f"Authorization: {bot.headers['Authorization']}"
    async with serve(app, lifespan="off") as base_url:
        for second in (good, "authorization: Bearer x", "Authorization:"):
            for path in ("/v1/guilds", "/health/live"):
                status, problem = await ask(base_url, f"GET {path} HTTP/1.1", "Host: a.test", good, second)
                assert (status, problem["detail"]) == (400, "There is more than one `Authorization` header."), second


async def test_addresses_of_pages_are_those_that_people_use(
    litestar_app: Litestar, settings: Settings, bot: httpx2.AsyncClient
) -> None:
    """Not those that a proxy asks, which nobody else reaches."""
    assert (await bot.get("/v1/guilds?limit=1")).headers["link"].startswith(f"<{BASE_URL}/v1/guilds?limit=1&cursor=")
    for public in ("https://bots.example", "https://bots.example/guildhall/"):
        public_settings = msgspec.structs.replace(settings, public_url=public)
        other = with_middleware(create_litestar(public_settings, clock=Clock(), metrics=Metrics()), public_settings)
        async with in_process(other, "http://10.0.0.7:8000") as client:
            answer = await client.get("/v1/guilds?limit=1", headers={"Authorization": bot.headers["Authorization"]})
        assert answer.headers["link"].startswith(f"<{public.rstrip('/')}/v1/guilds?limit=1&cursor=")


@pytest.mark.parametrize(
    ("values", "statuses"),
    [
        ({}, {None: 200}),
        (
            {"metrics_token": TOKEN},
            {
                f"Bearer {TOKEN}": 200,
                f"bearer  {TOKEN}": 200,
                None: 401,
                "Bearer ": 401,
                f"Bearer {TOKEN}x": 401,
                f"Basic {TOKEN}": 401,
            },
        ),
        ({"env": "production"}, {None: 404, f"Bearer {TOKEN}": 404}),
        ({"env": "production", "metrics_token": TOKEN}, {f"Bearer {TOKEN}": 200}),
    ],
)
async def test_metrics_are_for_who_has_the_token(
    settings: Settings, values: dict[str, str], statuses: dict[str | None, int]
) -> None:
    changed = msgspec.structs.replace(settings, **values)
    app = with_middleware(create_litestar(changed, clock=Clock(), metrics=Metrics()), changed)
    async with in_process(app, BASE_URL) as client:
        for authorization, status in statuses.items():
            for method in ("GET", "HEAD"):
                headers = {} if authorization is None else {"Authorization": authorization}
                answer = await client.request(method, "/metrics", headers=headers)
                assert answer.status_code == status, authorization
                assert ("www-authenticate" in answer.headers) == (status == 401), authorization
            assert TOKEN not in answer.text
