"""The names and attributes of the admin's cookies, whatever its libraries gave them.

With TLS each name begins with `__Secure-`, so that nobody who can only write plain HTTP can plant one. `__Host-` would
want the path `/`, and with it every page of ours would see them. The libraries know the plain names: they are changed
on the way out and back on the way in, and in the page's script, which reads one of them."""

from litestar.types import HTTPScope

_SESSION, _KNOWN, _TOKEN = "id", "known", "csrftoken"
_KEPT = ("max-age", "expires")
_PREFIX = "__Secure-"
_READS = b'.get("%s")'

Headers = list[tuple[bytes, bytes]]


def guarded(set_cookie: bytes, *, https: bool) -> bytes:
    """A `Set-Cookie` value that holds under `/admin` alone, is sent by our own pages alone, over TLS
    alone where there is TLS; scripts read the CSRF token and no other."""
    pair, *attributes = (part.strip() for part in set_cookie.decode("latin-1").split(";"))
    parts = [pair, *(one for one in attributes if one.lower().startswith(_KEPT)), "Path=/admin", "SameSite=Strict"]
    if pair.partition("=")[0] in (_SESSION, _KNOWN):
        parts.append("HttpOnly")
    if https:
        parts = [_PREFIX + parts[0], *parts[1:], "Secure"]
    return "; ".join(parts).encode("latin-1")


def as_libraries_know_them(scope: HTTPScope) -> Headers:
    """The headers of a request that came by TLS: our cookies by their plain names, and no others."""
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
    """Whether a script of the page reads the CSRF token's cookie."""
    return _READS % _TOKEN.encode() in script


def with_prefix(script: bytes) -> bytes:
    """The script, reading it by its name with TLS."""
    return script.replace(_READS % _TOKEN.encode(), _READS % (_PREFIX + _TOKEN).encode())
