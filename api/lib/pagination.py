"""Keyset pages: opaque cursors that cannot be changed, used elsewhere or kept for ever.

A cursor has the sort key of a page's last row, signed together with the route and its filters. It carries no authority:
each request is authorized again."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
R = TypeVar("R")

LIFETIME_SECONDS = 24 * 3600
LARGEST_PAGE = 100
LARGEST_PAGE_BYTES = 1024 * 1024
_MAC_BYTES = 16

Limit = Annotated[int, msgspec.Meta(ge=1, description="Number of items; above 100 counts as 100", examples=[50])]
CursorText = Annotated[str, msgspec.Meta(max_length=1024, description="`next_cursor` of the last page, unchanged")]


class BadCursor(Exception):
    """A cursor that was changed, belongs elsewhere, or is more than a day old."""


class Page(msgspec.Struct, Generic[T]):
    """One page of a list, and the way to the next: null at the end."""

    items: list[T]
    next_cursor: str | None = None


class Cursors:
    """Signs cursors, and reads those signed with the present or the previous secret."""

    def __init__(self, secrets: Sequence[str], now: Callable[[], datetime]) -> None:
        self._keys = [blake2b(secret.encode(), person=b"cursor").digest() for secret in secrets]
        self._now = now

    def write(self, scope: str, key: Sequence[str | int | None]) -> str:
        """`scope`: the route and its filters. `key`: the sort key of the page's last row."""
        payload = msgspec.msgpack.encode((int(self._now().timestamp()), key))
        return urlsafe_b64encode(_mac(self._keys[0], scope, payload) + payload).rstrip(b"=").decode()

    def read(self, scope: str, cursor: str) -> list[Any]:  # the caller knows the types of its own key
        """The key that was written for this scope. Raises `BadCursor`."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error):
            raise BadCursor from None
        # Python's decoder ignores stray characters and bits. Only the exact encoding is valid.
        if urlsafe_b64encode(raw).rstrip(b"=") != cursor.encode():
            raise BadCursor
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(key, scope, payload)) for key in self._keys):
            raise BadCursor
        written, key = msgspec.msgpack.decode(payload)
        if not 0 <= self._now().timestamp() - written + 60 <= LIFETIME_SECONDS + 60:
            raise BadCursor
        return list(key)


def _mac(key: bytes, scope: str, payload: bytes) -> bytes:
    return blake2b(scope.encode() + b"\0" + payload, key=key, digest_size=_MAC_BYTES).digest()


def paginate(
    rows: Sequence[R],
    limit: int,
    to_view: Callable[[R], T],
    cursor: Callable[[R], str],
    size: Callable[[R], int] = lambda _row: 0,
) -> Page[T]:
    """A page of at most `limit` rows. Pass one row more, if there is one: it only shows that there is a next page. With
    `size`, a page also ends before 1 MiB, but has at least one row."""
    shown: list[R] = []
    total = 0
    for row in rows[:limit]:
        total += size(row)
        if shown and total > LARGEST_PAGE_BYTES:
            break
        shown.append(row)
    return Page([to_view(row) for row in shown], cursor(shown[-1]) if len(rows) > len(shown) else None)
