"""When to ask again: no answer, 429 and 503, as long as somebody has patience; never sooner than was asked for."""

import random
import time
from collections.abc import Callable

import httpx2

FIRST_WAIT, LONGEST_WAIT = 0.2, 15.0

# 409 with Retry-After: the same Idempotency-Key is still being worked on.
_AGAIN = frozenset({429, 503})


class Patience:
    """The waits of one request. `seconds`: after which it is given up."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends = now() + seconds
        self._next = FIRST_WAIT

    def wait(self, response: httpx2.Response | None) -> float | None:
        """Seconds until the next try, None if there is to be none. `response` None: there was no answer."""
        if response is not None and not _is_for_now(response):
            return None
        asked = None if response is None else retry_after(response)
        backoff = self._next * random.uniform(0.75, 1.25)  # noqa: S311 - so that not all come at once
        self._next = min(self._next * 2, LONGEST_WAIT)
        seconds = backoff if asked is None else max(asked, 0.05)
        return None if self._now() + seconds > self._ends else seconds


def _is_for_now(response: httpx2.Response) -> bool:
    if response.status_code in _AGAIN:
        return True
    return response.status_code == 409 and retry_after(response) is not None


def retry_after(response: httpx2.Response) -> float | None:
    """What an answer asks to wait, in seconds."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 10 else None
