"""The clock, which tests replace."""

from datetime import UTC, datetime


class Clock:
    """The clock. Tests pass one that stands still."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)
