"""Retries, signatures and targets of deliveries. Pure."""

import hmac
import re
from datetime import timedelta
from hashlib import sha256
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_ATTEMPTS = 8

# Pauses after each attempt but the last. The last attempt is within a day of the first, including the webhook's own
# pauses.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 18_000, 43_200))
LONGEST_PAUSE = timedelta(minutes=5)

# A webhook is disabled if no delivery succeeded for this long and one was given up.
LASTING = timedelta(hours=12)


# Names that do not exist on the internet, whatever a name server answers (RFC 6761, 6762, 8375; ICANN reserves one).
_LOCAL = ("localhost", "localdomain", "local", "internal", "home.arpa")

_label = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII).fullmatch
_number = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII).fullmatch


class Target(NamedTuple):
    """The target of a URL. `host`: without brackets; `authority`: for `Host`."""

    is_secure: bool
    host: str
    port: int
    authority: str
    path: str


def target(url: str) -> Target | None:
    """The target of a URL. None if nothing can be sent to it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.fragment:
        return None
    if not _is_plain(parts.hostname, is_bracketed="[" in parts.netloc):
        return None
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port == 0:
        return None
    return Target(is_secure, parts.hostname, port or (443 if is_secure else 80), parts.netloc, path)


def is_local(host: str) -> bool:
    """Whether a name can only lead to a private network."""
    return any(f".{host}".endswith(f".{name}") for name in _LOCAL)


def _is_plain(host: str, *, is_bracketed: bool) -> bool:
    """Whether a host (lower case) is written unambiguously: an IPv6 address without a zone, an IPv4 address as four
    decimal numbers, or a name without empty labels, so without a dot at its end."""
    try:
        if is_bracketed:
            return IPv6Address(host).scope_id is None
        labels = host.split(".")
        if _number(labels[-1]) is not None:
            return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
    return all(map(_label, labels))


def signature(secret: str, unix: int, body: bytes) -> str:
    """The header `Guildhall-Signature`."""
    digest = hmac.new(secret.encode(), b"%d." % unix + body, sha256).hexdigest()
    return f"t={unix},v1={digest}"


def pause(failures: int) -> timedelta:
    """The pause of a webhook after this many failures in a row."""
    return min(timedelta(seconds=2 ** min(failures, 10)), LONGEST_PAUSE)
