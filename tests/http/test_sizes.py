"""How large a request may be, and what a larger one is answered."""

import asyncio
from datetime import UTC, datetime

import httpx2
import msgspec
import pytest
from litestar import Litestar

from api.http import reader
from api.http.reader import HEAD_BYTES, LINE_BYTES
from tests.http.wire import Wire
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
HOST = b"Host: a\r\n"
END = b"\r\n"


def line_of(length: int) -> bytes:
    """A request line of this length, without its end."""
    rest = b"GET /health/live? HTTP/1.1"
    return rest.replace(b"?", b"?" + b"q" * (length - len(rest))) + b"\r\n"


def header_of(length: int) -> bytes:
    """The beginning of a request of this length, with one long header."""
    rest = length - len("/health/live") - len(HOST) - len("A: \r\n")
    return b"GET /health/live HTTP/1.1\r\n" + HOST + b"A: " + b"a" * rest + b"\r\n"


def headers_of(length: int) -> bytes:
    """The beginning of a request of this length, with many headers."""
    rest = length - len("/health/live") - len(HOST)
    return b"GET /health/live HTTP/1.1\r\n" + HOST + b"A: aaaaaaaaaa\r\n" * (rest // 15)


@pytest.mark.parametrize(
    "request_bytes",
    [line_of(LINE_BYTES) + b"Host: a\r\n", header_of(HEAD_BYTES), headers_of(HEAD_BYTES), LIVE],
    ids=["line", "one header", "many headers", "plain"],
)
async def test_what_is_just_not_too_large_is_answered(wire: Wire, request_bytes: bytes) -> None:
    async with wire.open() as connection:
        for _ in range(2):
            connection.send(request_bytes, END)
            assert (await connection.answer()).status in (200, 422)  # the query is no parameter of the route
        for at in range(0, len(request_bytes), 5000):
            connection.send(request_bytes[at : at + 5000])
            await asyncio.sleep(0)
        connection.send(END)
        assert (await connection.answer()).status in (200, 422)


@pytest.mark.parametrize(
    ("request_bytes", "status", "kind"),
    [
        (line_of(LINE_BYTES + 1), 414, "request-line-too-long"),
        (line_of(10_000_000), 414, "request-line-too-long"),
        (header_of(HEAD_BYTES + 1), 431, "header-too-large"),
        (header_of(10_000_000), 431, "header-too-large"),
        (header_of(10_000_000)[:-2], 431, "header-too-large"),
        (headers_of(HEAD_BYTES + 30), 431, "header-too-large"),
        (headers_of(10_000_000), 431, "header-too-large"),
        (LIVE + b"x" * (HEAD_BYTES * 2), 431, "header-too-large"),
    ],
)
async def test_too_large(wire: Wire, request_bytes: bytes, status: int, kind: str) -> None:
    async with wire.open() as connection:
        connection.send(request_bytes, END)
        answer = await connection.refused(status, kind)
        assert answer.problem["instance"] in ("/health/live", "/")


async def test_too_large_behind_a_good_request(wire: Wire) -> None:
    async with wire.open() as connection:
        connection.send(LIVE, END)
        assert (await connection.answer()).status == 200
        connection.send(header_of(HEAD_BYTES + 1), END)
        await connection.refused(431, "header-too-large")


async def test_what_comes_behind_a_body_in_chunks_is_no_header_of_the_request(
    wire: Wire, bot: httpx2.AsyncClient
) -> None:
    key = bot.headers["authorization"].encode()
    start = (
        b"PATCH /v1/guilds/%d HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        % HARBOUR
    )
    body = b'e\r\n{"locale":"de"\r\n1\r\n}\r\n0\r\n'
    async with wire.open() as connection:
        connection.send(start, b"Authorization: ", key, b"\r\n\r\n", body, b"X-Request-ID: trailed\r\n\r\n")
        answer = await connection.answer()
        assert answer.status == 200, answer
        assert answer.headers["x-request-id"] != "trailed"
        connection.send(start, b"\r\n", body, b"Authorization: ", key, b"\r\n\r\n")
        assert (await connection.answer()).status == 401


@pytest.mark.parametrize("trailer", [b"A: aaaaaaaaaa\r\n" * 3000, b"A: " + b"a" * 60_000], ids=["many", "one"])
@pytest.mark.parametrize("before", [b"1\r\n{\r\n0\r\n", b"1;"], ids=["trailer", "extension"])
async def test_it_is_bounded_too(wire: Wire, bot: httpx2.AsyncClient, before: bytes, trailer: bytes) -> None:
    async with wire.open() as connection:
        connection.send(
            b"PUT /v1/guilds/%d HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" % HARBOUR,
            b"Authorization: ", bot.headers["authorization"].encode(),
            b"\r\nTransfer-Encoding: chunked\r\n\r\n",
        )  # fmt: skip
        await asyncio.sleep(0.01)
        for at in range(0, len(trailer), 9000):
            connection.send(before if at == 0 else b"", trailer[at : at + 9000])
            await asyncio.sleep(0.001)
        answer = await connection.answer()
        assert answer.status in (400, 431), answer
        await connection.ended()


async def test_garbage(wire: Wire) -> None:
    async with wire.open() as connection:
        connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        await connection.refused(400, "unreadable-request")
    async with wire.open() as connection:
        connection.send(LIVE, END, b"rubbish\r\n\r\n" * 1000)
        answer = await connection.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        await connection.ended()


async def test_many_requests_at_once_are_answered_in_order_up_to_a_bound(wire: Wire) -> None:
    async with wire.open() as connection:
        for number in range(1000):
            connection.send(LIVE, b"X-Request-ID: %d\r\n\r\n" % number)
        for number in range(reader.MOST_PIPELINED):
            assert (await connection.answer()).headers["x-request-id"] == str(number)
        last = reader.MOST_PIPELINED
        assert (await connection.answer()).headers == {
            **(await _headers(wire)), "x-request-id": str(last), "connection": "close"
        }  # fmt: skip
        await connection.ended()


async def _headers(wire: Wire) -> dict[str, str]:
    async with wire.open() as connection:
        connection.send(LIVE, END)
        return (await connection.answer()).headers


UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "websocket": b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    "several": b"Upgrade: h2c, websocket/13\r\nUpgrade: TLS/1.0\r\nConnection: keep-alive, Upgrade\r\n",
}


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_an_upgrade_is_passed_over(wire: Wire, bot: httpx2.AsyncClient, upgrade: bytes) -> None:
    """The request is answered as it is, with its body, and so are those that come after it, in whatever pieces."""
    body = b'{"events": [{"id": "%s", "type": "message", "user_id": "5", "occurred_at": "%s"}]}'
    now = datetime.now(UTC).isoformat().encode()
    head = b"POST /v1/guilds/%d/activity HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nContent-Type: application/json\r\n"
    head = head % (HARBOUR, bot.headers["Authorization"].encode()) + upgrade
    asked = []
    for name in (b"sized", b"chunked"):
        sent = body % (name, now)
        asked.append(
            head + b"Content-Length: %d\r\n\r\n%s" % (len(sent), sent)
            if name == b"sized"
            else head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent)
        )
    asked.append(LIVE + upgrade + END)
    async with wire.open() as connection:
        for request in asked:
            connection.send(request)
            answer = await connection.answer()
            assert answer.status == 200, answer
            assert "upgrade" not in answer.headers
            if b"POST" in request:
                assert msgspec.json.decode(answer.body)["accepted"] == 1
        everything = b"".join(asked)
        for at in range(0, len(everything), 50):
            connection.send(everything[at : at + 50])
            await asyncio.sleep(0)
        assert [(await connection.answer()).status for _ in asked] == [200] * 3
        connection.send(everything)  # at once
        assert [(await connection.answer()).status for _ in asked] == [200] * 3


@pytest.mark.parametrize("size", [33, 36, 39, 40, 41])
@pytest.mark.parametrize("piece", [1000, 5000, 16_384, 65_536])
async def test_a_header_that_never_ends_is_not_waited_for(wire: Wire, size: int, piece: int) -> None:
    """Above 32 KiB it is refused as too large, whether or not the parser has told of any of it."""
    async with wire.open() as connection:
        request = LIVE + b"A: " + b"a" * (size * 1024)
        for at in range(0, len(request), piece):
            connection.send(request[at : at + piece])
            await asyncio.sleep(0)
        await connection.refused(431, "header-too-large")


async def test_many_small_requests_at_once_are_no_large_header(wire: Wire) -> None:
    request = LIVE + END
    count = reader.MOST_PIPELINED
    async with wire.open() as connection:
        for _ in range(40):  # 50 KiB in all
            connection.send(request * count + LIVE)
            await asyncio.sleep(0)
            assert [(await connection.answer()).status for _ in range(count)] == [200] * count
            connection.send(END)
            assert (await connection.answer()).status == 200


async def test_refusals_are_counted(wire: Wire, litestar_app: Litestar) -> None:
    def count() -> float:
        text = services_of(litestar_app).metrics.render().decode()
        line = 'guildhall_turned_away_total{reason="header-too-large"} '
        return next((float(each.removeprefix(line)) for each in text.splitlines() if each.startswith(line)), 0.0)

    before = count()
    async with wire.open() as connection:
        connection.send(header_of(HEAD_BYTES + 1), END)
        await connection.refused(431, "header-too-large")
    assert count() == before + 1
