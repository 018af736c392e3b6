"""Streaks: runs of days, the guild's, on which a member did anything. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple


class Run(NamedTuple):
    """The latest run of active days, its first and its last, and the length of the longest run so far."""

    start: date
    end: date
    best: int


def steps(first: date, last: date, skipped: Sequence[date] = ()) -> int:
    """From one day to another in a calendar that does not have the skipped ones: 1 from a day to the next."""
    return (last - first).days - sum(first < day <= last for day in skipped)


def with_day(start: date | None, end: date | None, best: int, day: date, skipped: Sequence[date] = ()) -> Run | None:
    """The run with one more active day; None for a day before the run, which may join older runs:
    only the days themselves can tell. `skipped`: days that the calendar does not have."""
    if start is None or end is None or steps(end, day, skipped) > 1:
        return Run(day, day, max(best, 1))
    if day < start:
        return None
    end = max(end, day)
    return Run(start, end, max(best, steps(start, end, skipped) + 1))


def current(start: date | None, end: date | None, today: date, skipped: Sequence[date] = ()) -> int:
    """Days of the run as it stands today: 0 once yesterday was missed."""
    if start is None or end is None or steps(end, today, skipped) > 1:
        return 0
    return steps(start, end, skipped) + 1
