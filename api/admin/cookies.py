"""The names and attributes of the admin's cookies, replacing those of its libraries.

With TLS, each name begins with `__Secure-`, so that an attacker who can only send plain HTTP cannot set one. `__Host-`
would require the path `/`, and then all of our pages would get the cookies. The libraries use the plain names: the
names are changed in answers, changed back in requests, and changed in the page's script that reads one of them.
"""

from litestar.types import HTTPScope

_SESSION, _KNOWN, _TOKEN = "id", "known", "csrftoken"
_KEPT = ("max-age", "expires")
_PREFIX = "__Secure-"
_READS = b'.get("%s")'

Headers = list[tuple[bytes, bytes]]


def guarded(set_cookie: bytes, *, https: bool) -> bytes:
    """A `Set-Cookie` value that is limited to `/admin`, to our own pages and, with TLS, to TLS. Scripts can read only
    the CSRF token."""
    pair, *attributes = (part.strip() for part in set_cookie.decode("latin-1").split(";"))
    parts = [pair, *(one for one in attributes if one.lower().startswith(_KEPT)), "Path=/admin", "SameSite=Strict"]
    if pair.partition("=")[0] in (_SESSION, _KNOWN):
        parts.append("HttpOnly")
    if https:
        parts = [_PREFIX + parts[0], *parts[1:], "Secure"]
    return "; ".join(parts).encode("latin-1")


def as_libraries_know_them(scope: HTTPScope) -> Headers:
    """The headers of a request by TLS, with our cookies under their plain names, and no others."""
    headers: Headers = []
    for name, value in scope["headers"]:
        if name == b"cookie":
            pairs = (pair.strip() for pair in value.decode("latin-1").split(";"))
            value = "; ".join(pair.removeprefix(_PREFIX) for pair in pairs if pair.startswith(_PREFIX)).encode(
                "latin-1"
            )
        headers.append((name, value))
    return headers


def reads_token(script: bytes) -> bool:
    """Whether this script reads the cookie of the CSRF token."""
    return _READS % _TOKEN.encode() in script


def with_prefix(script: bytes) -> bytes:
    """The script, with the cookie's name under TLS."""
    return script.replace(_READS % _TOKEN.encode(), _READS % (_PREFIX + _TOKEN).encode())
