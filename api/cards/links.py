"""Links to a member's card that need no credentials: signed, and good for a week."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

LIFETIME = timedelta(days=7)

_payload = Struct(">QQQI")  # guild, person, the member's row, seconds
_MAC_BYTES = 16


class Linked(NamedTuple):
    """Whose card a link shows. `row`: the member's, which erasing removes: who comes back has another one."""

    guild_id: int
    user_id: int
    row: int


class Links:
    """Signs links, and reads those signed with the present or the previous secret."""

    def __init__(self, secrets: Sequence[str], now: Callable[[], datetime]) -> None:
        self._keys = [blake2b(secret.encode(), digest_size=32, person=b"card-link").digest() for secret in secrets]
        self._now = now

    def write(self, linked: Linked) -> tuple[str, datetime]:
        """The link's text, and when it ends."""
        ends = int((self._now() + LIFETIME).timestamp())
        payload = _payload.pack(*linked, ends)
        return _text(payload + _mac(self._keys[0], payload)), datetime.fromtimestamp(ends, UTC)

    def read(self, text: str) -> Linked | None:
        """Whose card it shows; None for one that was changed, or has ended."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            return None
        if _text(raw) != text:
            return None  # base64 has other spellings of the same bytes
        payload, mac = raw[: _payload.size], raw[_payload.size :]
        if len(payload) != _payload.size or not any(hmac.compare_digest(mac, _mac(key, payload)) for key in self._keys):
            return None
        guild_id, user_id, row, ends = _payload.unpack(payload)
        return None if ends < self._now().timestamp() else Linked(guild_id, user_id, row)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:_MAC_BYTES]
