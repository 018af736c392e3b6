"""Access to `/metrics`."""

from hmac import compare_digest

from api.errors import NotFound, Unauthorized


class MetricsGate:
    """Admits requests with the token. Without a token, it admits everybody, or nobody if it is `shut`."""

    def __init__(self, token: str | None, *, shut: bool) -> None:
        self._token = None if token is None else token.encode()
        self._shut = shut

    def refuse_stranger(self, authorization: str | None) -> None:
        """Raises `NotFound`, `Unauthorized`. `authorization`: the header, if there is one."""
        if self._token is None:
            if self._shut:
                raise NotFound("Metrics are closed in production until GUILDHALL_METRICS_TOKEN is set.")
            return
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), self._token):
            raise Unauthorized("Metrics need their own token: `Authorization: Bearer …` with GUILDHALL_METRICS_TOKEN.")
