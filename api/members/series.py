"""Buckets of time in a guild's zone: hours, days and weeks as its clocks and its calendar have them. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn, get_args

import asyncpg
import msgspec

from api.errors import Invalid
from api.lib import times
from api.lib.faults import ParameterFault
from api.members.dtos import Bucket, BucketView, SeriesQuery
from api.members.leveling_config import LevelingConfig
from api.settings.builtin.leveling import Weekday

MOST_BUCKETS = 2000
DEFAULT_DAYS = 30

# More than any time of 2,000 buckets: such a time is refused before its buckets are counted.
_LONGEST: dict[Bucket, timedelta] = {
    "hour": timedelta(hours=MOST_BUCKETS + 48),
    "day": timedelta(days=MOST_BUCKETS + 2),
    "week": timedelta(days=(MOST_BUCKETS + 1) * 7 + 2),
}
_DAY, _HOUR, _QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_NOT_KEPT = "is older than the kept hours, which begin at {:%Y-%m-%dT%H:%M:%SZ}"
_THE_END = datetime.max.replace(tzinfo=UTC)


class Window(msgspec.Struct, frozen=True):
    """A time: the moments at which its buckets begin, and the one at which the last of them ends."""

    bucket: Bucket
    from_: datetime
    to: datetime
    starts: list[datetime]
    end: datetime


def window(query: SeriesQuery, config: LevelingConfig, now: datetime, hours_since: datetime) -> Window:
    """The time that is asked for. `hours_since`: since when activity by hour is kept. Raises `Invalid`."""
    asked_from, asked_to = _moments(query, config)
    to = asked_to or start_of_day(config, config.day_of(now) + _DAY)
    try:
        oldest = _first_hour(config, hours_since) if query.bucket == "hour" else None
        if asked_from is not None:
            from_ = asked_from
        else:
            from_ = start_of_day(config, config.day_of(to) - DEFAULT_DAYS * _DAY)
            if oldest is not None:
                if to < oldest:
                    _refuse("to", _NOT_KEPT.format(oldest))
                from_ = max(from_, oldest)
        if from_ > to:
            _refuse("from", "is later than `to`")
        if from_ == to:
            return Window(query.bucket, from_, to, [], to)
        from_ = _floor(config, query.bucket, from_)
        if oldest is not None and from_ < oldest:
            _refuse("from", _NOT_KEPT.format(oldest))
    except OverflowError:
        _refuse("to" if query.from_ is None else "from", "is beyond the calendar")
    starts, end = _starts(config, query.bucket, from_, to)
    return Window(query.bucket, from_, to, starts, end)


def days(config: LevelingConfig, window: Window) -> tuple[date, date]:
    """The first and the last day to read, where its buckets are days or weeks. Never the first or the last
    day of the calendar: asyncpg sends those as infinity, and a series of days up to infinity has no end."""
    first, last = config.day_of(window.starts[0]), config.day_of(window.starts[-1])
    if window.bucket == "week":
        last = date.fromordinal(min(last.toordinal() + 6, date.max.toordinal()))
    return _finite(first), _finite(last)


def _finite(day: date) -> date:
    return min(max(day, date.min + _DAY), date.max - _DAY)


def hours(window: Window) -> tuple[datetime, datetime]:
    """The first and the last moment at which an hour to read may begin; for the same reason never the
    calendar's first moment."""
    return max(window.starts[0], datetime.min.replace(tzinfo=UTC) + _QUARTER), window.end - _QUARTER


def filled(config: LevelingConfig, window: Window, rows: Iterable[asyncpg.Record]) -> list[BucketView]:
    """The buckets with the sums of these rows of days or hours."""
    sums: dict[datetime, tuple[int, ...]] = {}
    for row in rows:
        moment = row["at"] if window.bucket == "hour" else start_of_day(config, row["at"])
        at = window.starts[bisect_right(window.starts, moment) - 1]
        counted = (row["messages"], row["voice_seconds"], row["reactions"], row["commands"], row["xp"])
        sums[at] = tuple(map(sum, zip(sums[at], counted, strict=True))) if at in sums else counted
    return [BucketView(at, *sums.get(at, (0, 0, 0, 0, 0))) for at in window.starts]


def start_of_day(config: LevelingConfig, day: date) -> datetime:
    """The moment at which the guild's day begins: where clocks skip midnight, when they do."""
    return datetime.combine(day, time(), config.zone).astimezone(UTC)


def _moments(query: SeriesQuery, config: LevelingConfig) -> tuple[datetime | None, datetime | None]:
    given = {"from": query.from_, "to": query.to}
    found = {name: None if text is None else times.parse(text, config.zone) for name, text in given.items()}
    faults = [ParameterFault(name, times.MESSAGE) for name in given if given[name] is not None and found[name] is None]
    if faults:
        raise Invalid(errors=faults)
    return found["from"], found["to"]


def _starts(config: LevelingConfig, bucket: Bucket, from_: datetime, to: datetime) -> tuple[list[datetime], datetime]:
    """Where the buckets begin, and where the last ends."""
    starts: list[datetime] = []
    at = from_
    while at < to:
        if to - from_ > _LONGEST[bucket] or len(starts) == MOST_BUCKETS:
            _refuse("bucket", f"makes more than {MOST_BUCKETS:,} buckets of this time")
        starts.append(at)
        try:
            at = _next(config, bucket, at)
        except OverflowError:
            at = _THE_END
    return starts, at


def _first_hour(config: LevelingConfig, since: datetime) -> datetime:
    """The first hour of the guild's clocks of which all is kept."""
    first = config.hour_of(since)
    return first if first >= since else _next(config, "hour", first)


def _floor(config: LevelingConfig, bucket: Bucket, moment: datetime) -> datetime:
    """The start of the bucket in which a moment lies."""
    if bucket == "hour":
        return config.hour_of(moment)
    day = config.day_of(moment)
    if bucket == "week":
        day -= (day.weekday() - _WEEKDAYS.index(config.settings.week_starts_on)) % 7 * _DAY
    return start_of_day(config, day)


def _next(config: LevelingConfig, bucket: Bucket, at: datetime) -> datetime:
    """The start of the bucket after the one that begins here."""
    if bucket == "hour":
        # Where clocks go back by half an hour, one hour of theirs lasts an hour and a half.
        later = config.hour_of(at + _HOUR)
        return later if later > at else config.hour_of(at + 1.5 * _HOUR)
    day, step = config.day_of(at), _DAY if bucket == "day" else 7 * _DAY
    later = start_of_day(config, day + step)
    # Samoa had no 30 December 2011: a day that is no day has no bucket.
    return later if later > at else start_of_day(config, day + 2 * step)


def _refuse(parameter: str, message: str) -> NoReturn:
    raise Invalid(errors=[ParameterFault(parameter, message)])
