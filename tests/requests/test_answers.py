"""What every answer has, whatever it is: request id, security headers, HEAD, 405, problem+json."""

import httpx2
import pytest
from litestar.types import ASGIApp, HTTPRequestEvent, Message

from tests.requests.routes import ROUTES, SCOPED
from tests.support.people import HARBOUR, NOBODYS

PROBLEM = ["type", "title", "status", "detail", "instance", "request_id"]
GETS = [route for route in ROUTES if route.method == "GET" and "asset" not in route.path and not route.policy.streams]


def assert_dressed(response: httpx2.Response) -> None:
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    (policy,) = response.headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert response.headers["x-request-id"]
    assert "server" not in response.headers
    assert response.status_code in {204, 304} or "cache-control" in response.headers or response.is_redirect
    assert len(response.headers.get_list("content-length")) <= 1


async def test_head_is_get_without_the_body(bot: httpx2.AsyncClient) -> None:
    for route in GETS:
        got = await bot.get(route.url())
        head = await bot.head(route.url())
        assert (head.status_code, head.content) == (got.status_code, b"")
        volatile = {"x-request-id", *(name for name in head.headers if "ratelimit" in name)} | (
            {"content-length"} if "metrics" in route.path or head.status_code >= 400 else set()
        )
        if got.status_code == 303:  # a log-in: each time another
            volatile |= {"location", "set-cookie"}
        assert {k: v for k, v in head.headers.items() if k not in volatile} == {
            k: v for k, v in got.headers.items() if k not in volatile
        }
        assert_dressed(got)
        assert_dressed(head)


async def test_head_sends_no_byte_of_a_body(app: ASGIApp) -> None:
    """Asked without a client, since clients throw away what a HEAD should not have brought."""
    sent = []

    async def receive() -> HTTPRequestEvent:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(dict(message))

    for path in ("/health/live", "/", "/v1/guilds", "/nothing"):
        scope: dict[str, object] = {
            "type": "http",
            "method": "HEAD",
            "path": path,
            "raw_path": path.encode(),
            "http_version": "1.1",
            "headers": [(b"host", b"guildhall.test")],
            "root_path": "",
        }
        await app(scope | {"query_string": b"", "client": None, "scheme": "http"}, receive, send)  # type: ignore[arg-type] # what a server gives, as a plain dict
    assert [message["body"] for message in sent if message["type"] == "http.response.body"] == [b""] * 4
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [200, 200, 401, 404]


async def test_other_methods(bot: httpx2.AsyncClient) -> None:
    for route in SCOPED:
        expected = {other.method for other in ROUTES if other.path == route.path} | {"OPTIONS"}
        expected |= {"HEAD"} if "GET" in expected else set()
        for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - expected):
            response = await bot.request(method, route.url())
            assert response.status_code == 405, method
            assert {word.strip() for word in response.headers["allow"].split(",")} == expected
            assert response.headers["content-type"] == "application/problem+json"
            assert method == "HEAD" or response.json()["type"] == "urn:guildhall:problem:method-not-allowed"
            assert_dressed(response)


async def test_options(anonymous: httpx2.AsyncClient) -> None:
    for route in SCOPED:
        response = await anonymous.options(route.url())
        assert response.status_code == 204
        allowed = {word.strip() for word in response.headers["allow"].split(",")}
        assert {route.method, "OPTIONS"} <= allowed
        assert ("GET" in allowed) == ("HEAD" in allowed)
        assert_dressed(response)


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v2/guilds", "/v1/guilds/1/nothing", "/%00", "/é", "/a%2Fb"])
async def test_unmatched_addresses(anonymous: httpx2.AsyncClient, path: str) -> None:
    response = await anonymous.get(path, headers={"X-Request-ID": "here"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert list(response.json()) == PROBLEM
    assert response.json()["type"] == "urn:guildhall:problem:not-found"
    assert response.json()["request_id"] == response.headers["x-request-id"] == "here"
    assert_dressed(response)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("abc-1.2_3:/+=", True), ("a" * 128, True), ("a" * 129, False), ("", False), ("a b", False), ("a\tb", False),
        ("é", False), ('"x"', False), ("<script>", False), ("a,b", False),
    ],
)  # fmt: skip
async def test_request_ids(anonymous: httpx2.AsyncClient, given: str, *, is_taken: bool) -> None:
    response = await anonymous.get("/v1/guilds", headers={b"X-Request-ID": given.encode()})
    answered = response.headers["x-request-id"]
    assert (answered == given) is is_taken
    assert len(answered) >= 13
    assert response.json()["request_id"] == answered
    again = await anonymous.get("/v1/guilds", headers={b"X-Request-ID": given.encode()})
    assert (again.headers["x-request-id"] == answered) is is_taken


async def test_a_problems_members(bot: httpx2.AsyncClient) -> None:
    missing = await bot.get(f"/v1/guilds/{NOBODYS}")
    assert list(missing.json()) == PROBLEM
    assert missing.json() == {
        "type": "urn:guildhall:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": f"There is no guild {NOBODYS} here yet. Send `PUT /v1/guilds/{NOBODYS}` first.",
        "instance": f"/v1/guilds/{NOBODYS}",
        "request_id": missing.headers["x-request-id"],
    }
    invalid = await bot.put(f"/v1/guilds/{HARBOUR}", json={})
    assert list(invalid.json()) == [*PROBLEM, "errors"]
    assert invalid.json()["errors"] == [{"pointer": "/name", "message": "is required"}]


async def test_an_instance_is_a_uri(bot: httpx2.AsyncClient) -> None:
    response = await bot.get("/v1/guilds/a%20b%0A%C3%A9%22")
    assert response.json()["instance"] == "/v1/guilds/a%20b%0A%C3%A9%22"


async def test_problems_are_json_for_who_wants_messagepack(bot: httpx2.AsyncClient) -> None:
    response = await bot.get(f"/v1/guilds/{NOBODYS}", headers={"Accept": "application/vnd.msgpack"})
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


@pytest.mark.parametrize("path", ["/v1/keys", f"/v1/guilds/{HARBOUR}/audit-log", "/v1/guilds"])
async def test_lists_are_not_stored(bot: httpx2.AsyncClient, path: str) -> None:
    assert (await bot.get(path)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "", " ", "٣", "1,1", "0x10"])
async def test_content_length_that_is_no_number(bot: httpx2.AsyncClient, length: str) -> None:
    headers = {b"Content-Type": b"application/json", b"Content-Length": length.encode()}
    response = await bot.put(f"/v1/guilds/{HARBOUR}", content=b'{"name": "x"}', headers=headers)
    assert response.status_code == 400
    assert response.json()["type"] == "urn:guildhall:problem:bad-header"


async def test_an_enormous_content_length(bot: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "9" * 5000}
    response = await bot.put(f"/v1/guilds/{HARBOUR}", content=b"{}", headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/vnd.msgpack", "application/vnd.msgpack"),
        ("Application/VND.msgpack;q=0.5, application/json", "application/vnd.msgpack"),
        ("application/json, application/vnd.msgpack;q=0", "application/json"),
        ("application/vnd.msgpack; q=0.0, */*", "application/json"),
    ],
)
async def test_messagepack_is_for_those_who_want_it(bot: httpx2.AsyncClient, accept: str, answered: str) -> None:
    answer = await bot.get(f"/v1/guilds/{HARBOUR}", headers={"Accept": accept})
    assert answer.headers["content-type"] == answered
