"""When a delivery is tried again, how it is signed, and where it may go. Pure."""

import hmac
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_ATTEMPTS = 8

# After each attempt but the last; the last one is made within a day of the first, with what the webhook pauses.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 18_000, 43_200))
LONGEST_PAUSE = timedelta(minutes=5)

# Nothing has arrived for so long, and a delivery was given up: nobody is there.
LASTING = timedelta(hours=12)

_NAT64 = IPv6Network("64:ff9b::/96")


class Target(NamedTuple):
    """Where an address leads. `host` without brackets, `authority` as it stands in `Host`."""

    is_secure: bool
    host: str
    port: int
    authority: str
    path: str


def target(url: str) -> Target | None:
    """Where it leads; None where it is no address that can be sent to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.fragment:
        return None
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port == 0:
        return None
    return Target(is_secure, parts.hostname, port or (443 if is_secure else 80), parts.netloc, path)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's: not private, loopback, link-local (as clouds' metadata are),
    multicast, reserved, nor one that leads to such a one in IPv4."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = _embedded(found)
        if inner is not None and not is_public(str(inner)):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (None if teredo is None else teredo[1])


def signature(secret: str, unix: int, body: bytes) -> str:
    """The header `Guildhall-Signature`."""
    digest = hmac.new(secret.encode(), b"%d." % unix + body, sha256).hexdigest()
    return f"t={unix},v1={digest}"


def pause(failures: int) -> timedelta:
    """How long a webhook rests after so many failures in a row, whatever else there is to send."""
    return min(timedelta(seconds=2 ** min(failures, 10)), LONGEST_PAUSE)
