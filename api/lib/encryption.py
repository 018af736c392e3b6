"""Whether an address of a database leads over a network in the clear."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


def is_clear(url: str, environ: Mapping[str, str]) -> bool:
    """Whether a password and rows might travel unencrypted to another machine: not by a Unix socket, not within
    this machine, not where `sslmode` (of the address, else `PGSSLMODE`) insists on TLS. `prefer`, which is what
    PostgreSQL's clients do by themselves, gives way to whoever stands in between."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        return False  # no address of a database: who connects says so
    query = parse_qs(parts.query)
    mode = query.get("sslmode", [environ.get("PGSSLMODE", "")])[-1]
    if mode in _ENCRYPTED:
        return False
    if "service" in query:
        return True  # a file that others write says where it leads
    return any(not _is_here(host) for host in _hosts(parts.netloc, query, environ))


def _hosts(netloc: str, query: Mapping[str, list[str]], environ: Mapping[str, str]) -> list[str]:
    """Every host that is tried; none means a socket, or this machine."""
    given = netloc.rpartition("@")[2] or ",".join(query.get("host", [])) or environ.get("PGHOST", "")
    return [_without_port(unquote(each)) for each in given.split(",")]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_here(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
