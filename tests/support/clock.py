"""A clock that a test can move."""

from datetime import datetime, timedelta

from api.lib.clock import Clock


class MovableClock(Clock):
    """Runs as time does, as far ahead as it was moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def move(self, **by: float) -> None:
        """`move(days=31)`"""
        self.ahead += timedelta(**by)
