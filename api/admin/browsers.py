"""The cookie of a known browser: one in which somebody has logged in before. It gives no access; it gives the browser
a budget of tries of its own, which strangers cannot use up."""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b

from api.lib.clock import Clock

COOKIE = "known"
LIFETIME = timedelta(days=90)

_form = re.compile(r"([0-9a-f]{16})\.([0-9]{1,12})\.([0-9a-f]{32})", re.ASCII).fullmatch


class KnownBrowsers:
    """Signs the cookie, and reads cookies that were signed with the present or the previous secret."""

    def __init__(self, own: Sequence[str], clock: Clock) -> None:
        self._keys = [blake2b(secret.encode(), person=b"known-browser").digest() for secret in own]
        self._clock = clock

    def write(self, account: str) -> str:
        """A new cookie, for a browser that has just logged in to this account."""
        number, now = secrets.token_hex(8), int(self._clock.now().timestamp())
        return f"{number}.{now}.{_mac(self._keys[0], account, number, now)}"

    def read(self, account: str, cookie: str | None) -> str | None:
        """The browser's number, if this cookie was written for this account in the last 90 days."""
        match = None if cookie is None else _form(cookie)
        if match is None:
            return None
        number, written, mac = match[1], int(match[2]), match[3]
        if not 0 <= self._clock.now().timestamp() - written + 60 <= LIFETIME.total_seconds() + 60:
            return None
        is_ours = any(hmac.compare_digest(mac, _mac(key, account, number, written)) for key in self._keys)
        return number if is_ours else None


def _mac(key: bytes, account: str, number: str, written: int) -> str:
    text = f"{number}.{written}.{account}".encode("utf-8", "surrogatepass")
    return blake2b(text, key=key, digest_size=16).hexdigest()
