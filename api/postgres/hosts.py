"""Several hosts in one address: finds the one that takes writes.

asyncpg tries them one after the other, and one that does not answer uses up the time for all. Here the host that
answered last comes first, and each of the others soon after, while those before it are silent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

# Longer than a host takes to answer, and a fraction of the wait for a connection (GUILDHALL_ACQUIRE_TIMEOUT_MS).
STAGGER_SECONDS = 0.1

READ_WRITE, ANY = SessionAttribute.read_write, SessionAttribute.any
_ATTRIBUTE = "target_session_attrs"

# What a host says that is merely not the one, or not yet. Any other refusal is worth telling rather than these.
_NOT_THIS_ONE = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)


class Terminable(Protocol):
    """A connection that can be cut."""

    def terminate(self) -> None: ...


C = TypeVar("C", bound=Terminable)


def says_which(dsn: str | None, environ: Mapping[str, str]) -> bool:
    """Whether the address or the environment says which hosts to accept."""
    return _ATTRIBUTE in parse_qs(urlsplit(dsn or "").query) or bool(environ.get("PGTARGETSESSIONATTRS"))


@cache
def single_hosts(dsn: str) -> tuple[str, ...]:
    """The address once for each of its hosts. An address that nobody can read comes back as it is."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return (dsn,)
    who, at, where = parts.netloc.rpartition("@")
    if where:
        return tuple(parts._replace(netloc=f"{who}{at}{host}").geturl() for host in where.split(","))
    hosts = parse_qs(parts.query).get("host", [""])[-1].split(",")
    if len(hosts) == 1:
        return (dsn,)
    ports = parse_qs(parts.query).get("port", [""])[-1].split(",")
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    return tuple(_with(dsn, host=host, port=port) for host, port in zip(hosts, ports, strict=False))


def _with(dsn: str, **values: str) -> str:
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {name: text for name, text in values.items() if text}
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query, quote_via=quote)}"


_answered_last: dict[str, str] = {}  # by address, in this process


async def first_to_answer(dsn: str, connect: Callable[[str], Awaitable[C]]) -> C:
    """The first connection that `connect` makes to one of the hosts. Raises what it raised for the host that says
    most about why there is none."""
    hosts = single_hosts(dsn)
    if len(hosts) == 1:
        return await connect(dsn)
    last = _answered_last.get(dsn)
    connection, host = await _race(sorted(hosts, key=lambda each: each != last), connect)
    _answered_last[dsn] = host
    return connection


async def _race(hosts: list[str], connect: Callable[[str], Awaitable[C]]) -> tuple[C, str]:
    running: dict[asyncio.Future[C], str] = {}
    errors: list[BaseException] = []
    waiting = hosts[::-1]
    try:
        while waiting or running:
            if waiting:
                host = waiting.pop()
                running[asyncio.ensure_future(connect(host))] = host
            done, _ = await asyncio.wait(
                running, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                host = running.pop(task)
                if (error := task.exception()) is None:
                    return task.result(), host
                errors.append(error)
        raise max(errors, key=lambda error: not isinstance(error, _NOT_THIS_ONE))
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_drop)


def _drop(task: "asyncio.Future[C]") -> None:
    """Cuts a connection that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()
