"""The cookies of a log-in: how they are named and read."""

import re

_value = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


class Cookies:
    """With TLS their names begin with `__Host-`: a browser then takes them from this very host alone, for the
    whole of it, and sends them by TLS only. Without TLS, on one's own machine, no browser would take such a one."""

    def __init__(self, *, https: bool) -> None:
        self.is_secure = https
        prefix = "__Host-" if https else ""
        self.session = f"{prefix}guildhall-session"
        self.login = f"{prefix}guildhall-login"

    @staticmethod
    def read(header: str | None, name: str) -> str | None:
        """The value in a `Cookie` header; None where there is none of our making."""
        if header is None:
            return None
        for pair in header.split(";"):
            found, _, value = pair.strip().partition("=")
            if found == name:
                return value if _value(value) else None
        return None
