"""The cookies of a log-in: their names, and how they are read."""

import re

_value = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


class Cookies:
    """With TLS, names begin with `__Host-`: a browser then accepts them from this host only, for the whole host, and
    sends them by TLS only. Without TLS, on a developer's own machine, browsers refuse such names."""

    def __init__(self, *, https: bool) -> None:
        self.is_secure = https
        prefix = "__Host-" if https else ""
        self.session = f"{prefix}guildhall-session"
        self.login = f"{prefix}guildhall-login"

    @staticmethod
    def read(header: str | None, name: str) -> str | None:
        """The value in a `Cookie` header; None if there is none of ours."""
        if header is None:
            return None
        for pair in header.split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                return value if _value(value) else None
        return None
