"""The attributes of the admin's cookies, whatever its libraries gave them."""

_SESSION, _KNOWN = "id", "known"
_KEPT = ("max-age", "expires")


def guarded(set_cookie: bytes, *, https: bool) -> bytes:
    """A `Set-Cookie` value that holds under `/admin` alone, is sent by our own pages alone, over TLS
    alone where there is TLS; scripts read the CSRF token and no other."""
    pair, *attributes = (part.strip() for part in set_cookie.decode("latin-1").split(";"))
    parts = [pair, *(one for one in attributes if one.lower().startswith(_KEPT)), "Path=/admin", "SameSite=Strict"]
    if pair.partition("=")[0] in (_SESSION, _KNOWN):
        parts.append("HttpOnly")
    if https:
        parts.append("Secure")
    return "; ".join(parts).encode("latin-1")
