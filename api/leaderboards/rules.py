"""The days that a board covers. Pure."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple, get_args

from api.leaderboards.dtos import LeaderboardQuery, Period
from api.lib.bits import kept_bits
from api.lib.faults import ParameterFault
from api.settings.builtin.leveling import Weekday

_DAY = timedelta(days=1)
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_is_day = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch

# The cost of reading two checkpoints, in days: six times as many members have ever been active as on one day.
CHECKPOINTS_COST = 12
_NO_DAY = "is not a day, such as 2026-11-16"


class Window(NamedTuple):
    """The first and last day of a board, both included; None: all time. `period` None: a window of days."""

    period: Period | None
    first: date | None
    last: date | None


class Bounds(NamedTuple):
    """The counters above an amount of XP: those with a `low` above `octave`; finer ones between `fine` and
    `octave_end`. The members between the XP and `fine_end` are counted one by one."""

    octave: int
    fine: int
    octave_end: int
    fine_end: int


def bounds(xp: int) -> Bounds:
    """The bounds of the counters above this XP, as the ledger keeps them."""
    octave, fine = kept_bits(xp, 1), kept_bits(xp, 8)
    return Bounds(octave, fine, max(2 * octave, 1), fine + max(octave >> 7, 1))


def window(query: LeaderboardQuery, today: date, week_starts_on: Weekday) -> Window | list[ParameterFault]:
    """The window of a query, or the fault of its parameters."""
    faults: list[ParameterFault] = []
    if query.cursor is not None and query.around is not None:
        faults.append(ParameterFault("around", "is not possible with `cursor`"))
    days = {"at": _day(query.at), "from": _day(query.from_), "to": _day(query.to)}
    given = {"at": query.at, "from": query.from_, "to": query.to}
    faults += [ParameterFault(name, _NO_DAY) for name, text in given.items() if text is not None and days[name] is None]
    if query.from_ is not None or query.to is not None:
        for name in ("from", "to"):
            if given[name] is None:
                faults.append(ParameterFault(name, "is required: a window needs a first and a last day"))
        for name, value in (("period", query.period), ("at", query.at)):
            if value is not None:
                faults.append(ParameterFault(name, "is not possible with `from` and `to`"))
        first, last = days["from"], days["to"]
        if first is not None and last is not None and first > last:
            faults.append(ParameterFault("from", "is later than `to`"))
        return faults or Window(None, first, last)
    period: Period = query.period or "all"
    if period == "all" and query.at is not None:
        faults.append(ParameterFault("at", "is possible only with a `period` of a day, a week or a month"))
    if faults:
        return faults
    try:
        return Window(period, *_days(period, days["at"] or today, week_starts_on))
    except OverflowError:
        return [ParameterFault("at", "is beyond the calendar")]


def _days(period: Period, at: date, week_starts_on: Weekday) -> tuple[date | None, date | None]:
    match period:
        case "all":
            return None, None
        case "day":
            return at, at
        case "week":
            first = at - (at.weekday() - _WEEKDAYS.index(week_starts_on)) % 7 * _DAY
            return first, first + 6 * _DAY
        case "month":
            first = at.replace(day=1)
            return first, (first + 31 * _DAY).replace(day=1) - _DAY


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None and _is_day(text) else None
    except ValueError:
        return None


class Cover(NamedTuple):
    """A window as the difference of two checkpoints, with days to add (1) or to subtract (-1)."""

    before: date
    until: date
    days: tuple[tuple[date, date, int], tuple[date, date, int]]


def cover(first: date, last: date, checkpoints: Sequence[date]) -> Cover | None:
    """The cheapest way to read a window; None if its days alone are the fewest rows. A checkpoint has the totals up to
    and including its day."""
    start = first - _DAY
    found, least = None, (last - start).days
    for until in checkpoints:
        for before in checkpoints:
            days = abs((before - start).days) + abs((last - until).days) + CHECKPOINTS_COST
            if before < until and days < least:
                head = (first, before, 1) if before >= first else (before + _DAY, start, -1)
                tail = (until + _DAY, last, 1) if until <= last else (last + _DAY, until, -1)
                found, least = Cover(before, until, (head, tail)), days
    return found
