"""Notices an unconfigured proxy, which makes all clients look like one address."""

from ipaddress import ip_address

import structlog
from litestar.types import HTTPScope

log = structlog.get_logger("guildhall.proxies")

ENOUGH = 1000  # requests; after that no public address is to be expected
PASSED_ON = frozenset({b"x-forwarded-for", b"forwarded"})

UNTRUSTED = "a proxy is not trusted"
PRIVATE = "all requests come from private addresses"
HOW = (
    "if this is your proxy's address, add it to GUILDHALL_TRUSTED_PROXIES. Until then, all its clients count as "
    "one address, in limits and in the audit log"
)


class ProxyNotice:
    """Checks the first requests, and logs its finding once in a process."""

    def __init__(self) -> None:
        self.is_done = False
        self._seen = 0
        self._is_public = False

    def check(self, scope: HTTPScope) -> None:
        """Call this for requests of the API until it is done. Not for probes, which come from nearby."""
        client = scope["client"]
        host = "" if client is None else client[0]
        self._seen += 1
        self.is_done = self._seen >= ENOUGH
        try:
            is_private = ip_address(host).is_private
        except ValueError:
            is_private = False  # a Unix socket: its client has no address
        if not is_private:
            self._is_public = True
        elif any(name in PASSED_ON for name, _ in scope["headers"]):
            self.is_done = True
            log.warning(UNTRUSTED, address=host, what_to_do=HOW)
        elif self.is_done and not self._is_public:
            log.warning(PRIVATE, address=host, what_to_do=HOW)
