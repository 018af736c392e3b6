"""Sends one request, to the very address that was looked at, and reads no more of the answer than its status.

No client for HTTP is used: each of them looks the name up a second time when it connects, and a name may lead
elsewhere then."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from api.webhooks.addresses import Reach, reach
from api.webhooks.resolving import Resolver
from api.webhooks.rules import Target, is_local, target

SECONDS = 10.0  # for all of it: the name, the connection, the answer
LARGEST_HEAD = 16 * 1024
MOST_TRIED = 2  # addresses of one name


class Outcome(NamedTuple):
    """`ok`: it arrived. `told`: the status, or why there is none."""

    ok: bool
    told: str


class NotAllowed(Exception):
    """The name leads to an address that webhooks may not lead to. `reach`: what is there."""

    def __init__(self, found: Reach) -> None:
        super().__init__(found)
        self.reach = found


def refuse_local(host: str, *, private: bool) -> None:
    """Raises `NotAllowed` for a name that is nobody's on the internet, unless `private` ones may be asked for."""
    if not private and is_local(host):
        raise NotAllowed(Reach.PRIVATE)


def refuse(ips: Sequence[str], *, private: bool) -> None:
    """Raises `NotAllowed` if one of a name's addresses is not public, or where `private` ones may be asked for, if one
    is nobody's."""
    worst = max(map(reach, ips), default=Reach.PUBLIC)
    if worst > (Reach.PRIVATE if private else Reach.PUBLIC):
        raise NotAllowed(worst)


class Sender:
    def __init__(self, resolver: Resolver, *, private: bool) -> None:
        """`private`: whether it may go to addresses that are not public."""
        self._resolver = resolver
        self.private = private

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, guild_id: int) -> Outcome:
        """Posts it, of the guild's share of look-ups. Redirects are not followed: they are no answer that says it
        arrived."""
        where = target(url)
        if where is None:
            return Outcome(ok=False, told="no address")
        try:
            async with asyncio.timeout(SECONDS):
                refuse_local(where.host, private=self.private)
                ips = await self._resolver.addresses(where.host, where.port, guild_id)
                refuse(ips, private=self.private)
                status = await _posted(where, ips[:MOST_TRIED], _head(where, headers, body) + body)
        except TimeoutError:
            return Outcome(ok=False, told=f"no answer within {SECONDS:.0f} s")
        except NotAllowed:
            return Outcome(ok=False, told="it leads to an address that is not allowed")
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            return Outcome(ok=False, told=type(error).__name__)
        return Outcome(ok=200 <= status < 300, told=str(status))


def _head(where: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {where.path} HTTP/1.1", f"Host: {where.authority}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii")


async def _posted(where: Target, ips: list[str], request: bytes) -> int:
    """The status of the answer. Raises `OSError`, `ValueError` for what is no HTTP."""
    failed: OSError = OSError("its name has no address")
    for ip in ips:
        try:
            reader, writer = await asyncio.open_connection(
                ip,
                where.port,
                limit=LARGEST_HEAD,
                ssl=_tls() if where.is_secure else None,
                server_hostname=where.host if where.is_secure else None,
            )
        except OSError as error:
            failed = error
            continue
        try:
            writer.write(request)
            await writer.drain()
            return await _status(reader)
        finally:
            writer.transport.abort()
    raise failed


async def _status(reader: asyncio.StreamReader) -> int:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        version, _, rest = head.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            raise ValueError
        status = int(rest[:3])
        if status >= 200:
            return status


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
