"""Whom a request says that it asks, and as whom."""

import re

from litestar.types import HTTPScope

from api.errors import BadHeader

_is_host = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?").fullmatch


def refuse_ambiguous(scope: HTTPScope) -> None:
    """Raises `BadHeader` where a request does not say, once and legibly, whom it asks (RFC 9112) and as whom: proxies
    and we might each believe another of two. HTTP/1.0 knows no `Host`."""
    hosts: list[bytes] = []
    credentials = 0
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name == b"authorization":
            credentials += 1
    if credentials > 1:
        raise BadHeader("There is more than one `Authorization`.")
    if len(hosts) > 1:
        raise BadHeader("There is more than one `Host`.")
    if not hosts:
        if scope["http_version"] != "1.0":
            raise BadHeader("`Host` is missing.")
    elif not _is_host(hosts[0]):
        raise BadHeader("`Host` is no name or address of a host.")
