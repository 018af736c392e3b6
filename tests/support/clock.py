"""A clock that a test can move."""

from datetime import UTC, datetime, timedelta

from api.lib.clock import Clock


def _start() -> datetime:
    """A half past twelve that stays ahead of PostgreSQL's time for as long as the tests run."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    start = soon.replace(hour=12, minute=30, second=0, microsecond=0)
    return start if start >= soon else start + timedelta(days=1)


class MovableClock(Clock):
    """Runs as time does, for each test from half past twelve of the same day on: what a test sends within some minutes
    falls into one day and one hour, whatever time it is. A test whose subject is midnight moves there."""

    def __init__(self) -> None:
        self.start = _start()
        self.ahead = timedelta()
        self.put_right()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def move(self, **by: float) -> None:
        """`move(days=31)`"""
        self.ahead += timedelta(**by)

    def put(self, moment: datetime) -> None:
        """Makes it that moment; it runs on from there."""
        self.ahead += moment - self.now()

    def put_right(self) -> None:
        """Makes it the time at which tests start."""
        self.put(self.start)


# Of this process: there is one application in it, and what is sent to it is of its time.
CLOCK = MovableClock()
