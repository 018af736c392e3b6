"""Hosts of PostgreSQL that are not as they should be."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit

from api.postgres.embedded.postmaster import PORT


class Host:
    """One that accepts connections. It counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0


@asynccontextmanager
async def silent() -> AsyncIterator[Host]:
    """It never says anything, as one behind a cut line."""
    host = Host()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.connections += 1
        await reader.read()
        writer.close()

    async with _listening(host, say_nothing):
        yield host


@asynccontextmanager
async def standby() -> AsyncIterator[Host]:
    """It lets everybody in, and reports that it is a replica."""
    host = Host()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.connections += 1
        first = await reader.readexactly(8)
        if first == struct.pack("!ii", 8, 80877103):  # asks for TLS
            writer.write(b"N")
            first = await reader.readexactly(8)
        await reader.readexactly(struct.unpack("!ii", first)[0] - 8)
        settings = {"in_hot_standby": "on", "client_encoding": "UTF8", "server_version": "18.0"}
        writer.write(_message(b"R", struct.pack("!i", 0)))
        for name, value in settings.items():
            writer.write(_message(b"S", f"{name}\0{value}\0".encode()))
        writer.write(_message(b"K", struct.pack("!ii", 1, 1)) + _message(b"Z", b"I"))
        await reader.read()
        writer.close()

    async with _listening(host, greet):
        yield host


def with_hosts(url: str, *before: Host) -> str:
    """The address with these hosts before its own."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    own = query["host"][0] if "host" in query else parts.hostname or ""
    port = query["port"][0] if "port" in query else str(parts.port or PORT)
    hosts = ",".join([*("127.0.0.1" for _ in before), own])
    ports = ",".join([*(str(each.port) for each in before), port])
    who = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{who}@", query=f"host={hosts}&port={ports}"))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@asynccontextmanager
async def _listening(
    host: Host, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[None]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
