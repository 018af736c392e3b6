"""Requests that take too long to arrive."""

import asyncio

import httpx2
import pytest

from api.http import reader
from tests.http.wire import Wire
from tests.support.people import HARBOUR

LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
HOST = b"Host: a\r\n"
END = b"\r\n"


async def test_late_headers(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "HEAD_SECONDS", 0.3)
    async with wire.open() as silent, wire.open() as half, wire.open() as second:
        half.send(LIVE)
        second.send(LIVE, END, LIVE)
        assert (await second.answer()).status == 200
        await second.refused(408, "request-timeout")
        await half.refused(408, "request-timeout")
        await silent.ended()


async def test_a_header_that_trickles_is_late_too(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "HEAD_SECONDS", 0.3)

    async def trickle() -> None:
        while True:
            connection.send(b"a: b\r\n")
            await asyncio.sleep(0.02)

    async with wire.open() as connection:
        connection.send(LIVE)
        trickling = asyncio.create_task(trickle())
        answer = await connection.answer()
        trickling.cancel()
        assert (answer.status, answer.problem["type"]) == (408, "urn:guildhall:problem:request-timeout")


@pytest.mark.parametrize("piece", [b"", b" "], ids=["stands still", "trickles"])
async def test_late_bodies(wire: Wire, bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(reader, "BODY_SECONDS", 0.3)

    async def trickle() -> None:
        while True:
            connection.send(piece)
            await asyncio.sleep(0.02)

    async with wire.open() as connection:
        connection.send(
            b"PUT /v1/guilds/%d HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" % HARBOUR,
            b"Authorization: ", bot.headers["authorization"].encode(), b"\r\nContent-Length: 10000\r\n\r\n{",
        )  # fmt: skip
        trickling = asyncio.create_task(trickle())
        answer = await connection.answer()
        trickling.cancel()
        assert (answer.status, answer.problem["type"]) == (408, "urn:guildhall:problem:request-timeout")
        assert answer.problem["instance"] == f"/v1/guilds/{HARBOUR}"


async def test_a_large_body_at_an_honest_rate_is_not_late(
    wire: Wire, bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BODY_SECONDS", 0.2)
    async with wire.open() as connection:
        connection.send(
            b"PUT /v1/guilds/%d HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" % HARBOUR,
            b"Authorization: ", bot.headers["authorization"].encode(), b"\r\nContent-Length: 5018\r\n\r\n",
            b'{"name": "Harbour"',
        )  # fmt: skip
        for _ in range(10):
            await asyncio.sleep(0.05)
            connection.send(b" " * 499 + b"\n")
        connection.send(b"}")
        assert (await connection.answer()).status == 400  # 5019 were sent: one is no part of it


async def test_idle_connections_end(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "IDLE_SECONDS", 0.2)
    async with wire.open() as connection:
        connection.send(LIVE, END)
        assert (await connection.answer()).status == 200
        await connection.ended()


async def test_who_was_refused_early_and_goes_on_sending_is_cut_off(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BODY_SECONDS", 0.2)
    async with wire.open() as connection:
        connection.send(b"PUT /v1/guilds/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{")
        assert (await connection.answer()).status == 401
        await connection.ended()
