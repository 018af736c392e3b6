"""Streaks: runs of the guild's days on which a member was active. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple


class Run(NamedTuple):
    """The first and last day of the latest run of active days, and the length of the longest run."""

    start: date
    end: date
    best: int


def steps(first: date, last: date, skipped: Sequence[date] = ()) -> int:
    """The number of days from one day to another, without skipped days: 1 to the next day."""
    return (last - first).days - sum(first < day <= last for day in skipped)


def with_day(start: date | None, end: date | None, best: int, day: date, skipped: Sequence[date] = ()) -> Run | None:
    """The run with one more active day; None for a day before the run: it may join older runs, which only the stored
    days can say. `skipped`: days that the calendar does not have."""
    if start is None or end is None or steps(end, day, skipped) > 1:
        return Run(day, day, max(best, 1))
    if day < start:
        return None
    end = max(end, day)
    return Run(start, end, max(best, steps(start, end, skipped) + 1))


def current(start: date | None, end: date | None, today: date, skipped: Sequence[date] = ()) -> int:
    """The present length of the run: 0 once yesterday was missed."""
    if start is None or end is None or steps(end, today, skipped) > 1:
        return 0
    return steps(start, end, skipped) + 1
