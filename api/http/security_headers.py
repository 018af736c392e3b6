"""The headers of every answer."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

SAME_ORIGIN = (b"cross-origin-resource-policy", b"same-origin")
_SECURITY: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), SAME_ORIGIN]
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

# An answer that is no page loads nothing, runs nothing and appears in no frame. Pages have policies of their own.
POLICY = (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox")


def of_every_answer(*, https: bool) -> Headers:
    """`https`: whether clients reach us by TLS."""
    return [*_SECURITY, *([_HSTS] if https else [])]


def lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)
