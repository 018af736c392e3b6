"""Headers that a request may have once: whom it asks, as whom, and what it sends."""

import re

from litestar.types import HTTPScope

from api.errors import BadHeader

_is_host = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?").fullmatch

# What may be there once, since another reader could believe the other of two.
_SINGLE = {
    b"authorization": "Authorization",
    b"content-type": "Content-Type",
    b"host": "Host",
    b"last-event-id": "Last-Event-ID",
    b"x-audit-log-reason": "X-Audit-Log-Reason",
    b"x-csrf-token": "X-CSRF-Token",
}


def refuse_ambiguous(scope: HTTPScope) -> None:
    """Raises `BadHeader` if a request does not say, once and legibly, whom it asks (RFC 9112), as whom and what it
    sends: a proxy and we might each believe another of two. HTTP/1.0 knows no `Host`."""
    given: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _SINGLE:
            if name in given:
                raise BadHeader(f"There is more than one `{_SINGLE[name]}` header.")
            given[name] = value
    host = given.get(b"host")
    if host is None:
        if scope["http_version"] != "1.0":
            raise BadHeader("The `Host` header is missing.")
    elif not _is_host(host):
        raise BadHeader("`Host` is not the name or address of a host.")
