"""A bound for log lines that anybody can cause: some lines a second, then one line with the number of the rest."""

import asyncio
import time

import structlog

log = structlog.get_logger("guildhall.log")

A_SECOND = 20


class Flood:
    """One kind of line."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._ends = 0.0
        self._written = 0
        self._left_out = 0

    def is_over(self) -> bool:
        """Counts a line. Returns whether it exceeds the bound of this second, and must be left out."""
        now = time.monotonic()
        if now >= self._ends:
            self._log_summary()
            self._ends, self._written = now + 1.0, 0
        self._written += 1
        if self._written <= A_SECOND:
            return False
        self._left_out += 1
        if self._left_out == 1:
            asyncio.get_running_loop().call_later(self._ends - now, self._log_summary)
        return True

    def _log_summary(self) -> None:
        left_out, self._left_out = self._left_out, 0
        if left_out:
            log.warning("lines were left out", kind=self._kind, count=left_out)
