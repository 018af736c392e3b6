"""Days and moments in the form that clients write."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

_A_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_A_CLOCK = r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

# For the document. A sentence reports an invalid one.
DayText = Annotated[str, Meta(max_length=32, extra_json_schema={"pattern": f"^{_A_DAY}$"})]
DayOrTime = Annotated[str, Meta(max_length=64, extra_json_schema={"pattern": f"^{_A_DAY}({_A_CLOCK})?$"})]

_day = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_moment = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII).fullmatch

_QUARTER = timedelta(minutes=15)
_QUARTERS_KEPT = 96  # of each zone: most events are recent, or of the last hours

# All years in which a zone crossed the date line. Summer and winter time differ by two hours at most, so neither looks
# like such a change.
_YEARS = range(1840, 2101)
_ZERO, _HALF_A_DAY = timedelta(), timedelta(hours=12)

Place = tuple[date, datetime]

# By zone, because guilds share zones: the place of each quarter of an hour that has only one.
_places: dict[ZoneInfo, dict[int, Place]] = {}

MESSAGE = "is neither a day (2026-11-22) nor an RFC 3339 time with an offset (2026-11-22T18:07:03Z)"


def parse(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment at which a day begins in this zone, or the RFC 3339 time; None for anything else."""
    try:
        if _day(text):
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        if _moment(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return None


def zone(name: str | None) -> ZoneInfo:
    """The zone of this name. UTC if this machine's time zone database does not have it (any more)."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=1024)
def skipped_days(zone: ZoneInfo) -> tuple[date, ...]:
    """The days that the zone's calendar lacks, because it crossed the date line. Most calendars lack none."""
    turns = [datetime(year, 1, 1, 12, tzinfo=UTC).astimezone(zone) for year in _YEARS]
    found = []
    for before, after in pairwise(turns):
        if (after.utcoffset() or _ZERO) - (before.utcoffset() or _ZERO) > _HALF_A_DAY:
            days = map(date.fromordinal, range(before.toordinal(), after.toordinal() + 1))
            found += [day for day in days if _is_skipped(zone, day)]
    return tuple(found)


def _is_skipped(zone: ZoneInfo, day: date) -> bool:
    return datetime.combine(day, time(12), zone).astimezone(UTC).astimezone(zone).date() != day


def place(zone: ZoneInfo, moment: datetime) -> Place:
    """The day of a moment in the zone, and the start, in UTC, of the hour of its clocks. Cached for quarters of an hour
    in which neither changes: clocks can change at any minute, and the offsets of some zones had odd minutes."""
    known = _places.setdefault(zone, {})
    quarter = int(moment.timestamp()) // 900
    found = known.get(quarter)
    if found is None:
        found = _place(zone, moment)
        if _is_whole(zone, quarter, found):
            if len(known) >= _QUARTERS_KEPT:
                known.clear()
            known[quarter] = found
    return found


def _is_whole(zone: ZoneInfo, quarter: int, place: Place) -> bool:
    """Whether the whole quarter has this place."""
    try:
        first = datetime.fromtimestamp(quarter * 900, UTC)
        return place == _place(zone, first) == _place(zone, first + _QUARTER - timedelta.resolution)
    except (OverflowError, ValueError):  # at the calendar's first or last day
        return False


def _place(zone: ZoneInfo, moment: datetime) -> Place:
    local = moment.astimezone(zone)
    return local.date(), local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
