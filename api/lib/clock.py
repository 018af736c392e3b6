"""The time, as one thing that can be replaced in a test."""

from datetime import UTC, datetime


class Clock:
    """Tells the time. Tests hand in one that stands still."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)
