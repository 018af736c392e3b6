"""Headers that every answer bears, whoever writes it."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

_SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

# What is not a page loads nothing, runs nothing and stands in no frame. Pages bring policies of their own.
POLICY = (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox")


def of_every_answer(*, https: bool) -> Headers:
    """`https`: whether people reach us by TLS."""
    return [*_SECURITY, *([_HSTS] if https else [])]


def lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they go on the wire."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)
