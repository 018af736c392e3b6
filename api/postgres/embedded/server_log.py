"""The log of the embedded PostgreSQL. It shows whether a start goes on, and why it failed."""

import time
from collections.abc import Callable
from pathlib import Path

_QUIET_SECONDS = 60.0  # without a new line in the log; then a start or a stop has failed
_POLL_SECONDS = 0.02
_EXCERPT_LINES = 10


class ServerLog:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, size: int) -> str:
        """The last lines since this size."""
        text = self.path.read_bytes()[size:].decode(errors="replace") if self.path.exists() else ""
        return "\n".join(["Its log says:", *text.splitlines()[-_EXCERPT_LINES:]]) if text else "Its log says nothing."

    def wait(self, is_done: Callable[[], bool]) -> bool:
        """Waits until it is done. Returns False if the log was quiet for a minute first: in recovery PostgreSQL logs
        its progress every 10 s (log_startup_progress_interval)."""
        size, deadline = self.size, time.monotonic() + _QUIET_SECONDS
        while not is_done():
            if (grown := self.size) != size:
                size, deadline = grown, time.monotonic() + _QUIET_SECONDS
            elif time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True
