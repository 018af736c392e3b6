"""Whether the connection to a database is unencrypted."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


def is_clear(url: str, environ: Mapping[str, str]) -> bool:
    """Whether a password and rows might travel unencrypted to another machine. They do not over a Unix socket, within
    this machine, or if `sslmode` (in the URL, otherwise `PGSSLMODE`) requires TLS. `prefer`, the default of
    PostgreSQL's clients, is not enough: an attacker in between can refuse TLS."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        return False  # not a database's URL: the connection attempt reports that
    query = parse_qs(parts.query)
    mode = query.get("sslmode", [environ.get("PGSSLMODE", "")])[-1]
    if mode in _ENCRYPTED:
        return False
    if "service" in query:
        return True  # a file that others write decides where the connection goes
    return any(not _is_here(host) for host in _hosts(parts.netloc, query, environ))


def _hosts(netloc: str, query: Mapping[str, list[str]], environ: Mapping[str, str]) -> list[str]:
    """Every host that is tried. None means a socket, or this machine."""
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
