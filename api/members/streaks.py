"""Streaks: runs of days, the guild's, on which a member did anything. Pure."""

from datetime import date, timedelta
from typing import NamedTuple

_DAY = timedelta(days=1)


class Run(NamedTuple):
    """The latest run of active days, its first and its last, and the length of the longest run so far."""

    start: date
    end: date
    best: int


def with_day(start: date | None, end: date | None, best: int, day: date) -> Run | None:
    """The run with one more active day; None for a day before the run, which may join older runs:
    only the days themselves can tell."""
    if start is None or end is None or day > end + _DAY:
        return Run(day, day, max(best, 1))
    if day < start:
        return None
    end = max(end, day)
    return Run(start, end, max(best, (end - start).days + 1))


def current(start: date | None, end: date | None, today: date) -> int:
    """Days of the run as it stands today: 0 once yesterday was missed."""
    if start is None or end is None or end < today - _DAY:
        return 0
    return (end - start).days + 1
