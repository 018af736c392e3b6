"""How often an address may try to log in."""

import time
from collections.abc import Callable

from piccolo_api.rate_limiting.middleware import RateLimitError, RateLimitProvider

TRIES = 10
SECONDS = 60.0
ADDRESSES = 10_000


class LoginLimit(RateLimitProvider):
    """Ten tries a minute, counted from an address's first. Nobody is shut out for longer than
    that minute; with more addresses at once than we keep in mind the oldest is forgotten."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tries: dict[str, tuple[float, int]] = {}

    def increment(self, identifier: str) -> None:
        """Counts a try. Raises `RateLimitError`."""
        now = self._monotonic()
        since, tries = self._tries.get(identifier, (now, 0))
        if now - since >= SECONDS:
            since, tries = now, 0
        if tries >= TRIES:
            raise RateLimitError
        if tries == 0:
            # Anew at the end: the order of the dictionary is that of the first tries.
            self._tries.pop(identifier, None)
            self._forget(now)
        self._tries[identifier] = (since, tries + 1)

    def addresses(self) -> int:
        """How many are kept in mind."""
        return len(self._tries)

    def _forget(self, now: float) -> None:
        while self._tries:
            oldest = next(iter(self._tries))
            if now - self._tries[oldest][0] < SECONDS and len(self._tries) < ADDRESSES:
                return
            del self._tries[oldest]
