"""Headers that may be in a request only once: host, credential, body length and the like."""

import re

from litestar.types import HTTPScope

from api.errors import BadHeader

_is_host = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?").fullmatch

# A proxy and we could each use a different one of two.
_SINGLE = {
    b"authorization": "Authorization",
    b"content-type": "Content-Type",
    b"host": "Host",
    b"last-event-id": "Last-Event-ID",
    b"x-audit-log-reason": "X-Audit-Log-Reason",
    b"x-csrf-token": "X-CSRF-Token",
}


def refuse_ambiguous(scope: HTTPScope) -> None:
    """Raises `BadHeader` if the request's host (RFC 9112), credential or body is not stated once and legibly: a proxy
    and we might read it differently. HTTP/1.0 has no `Host`."""
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
