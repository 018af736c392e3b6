"""When a delivery is tried again, how it is signed, and where its address leads. Pure."""

import hmac
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_ATTEMPTS = 8

# After each attempt but the last; the last one is made within a day of the first, with what the webhook pauses.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 18_000, 43_200))
LONGEST_PAUSE = timedelta(minutes=5)

# Nothing has arrived for so long, and a delivery was given up: nobody is there.
LASTING = timedelta(hours=12)


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


def signature(secret: str, unix: int, body: bytes) -> str:
    """The header `Guildhall-Signature`."""
    digest = hmac.new(secret.encode(), b"%d." % unix + body, sha256).hexdigest()
    return f"t={unix},v1={digest}"


def pause(failures: int) -> timedelta:
    """How long a webhook rests after so many failures in a row, whatever else there is to send."""
    return min(timedelta(seconds=2 ** min(failures, 10)), LONGEST_PAUSE)
