"""Times in an export: converted to UTC, and in the range that can be stored. Pure."""

from datetime import UTC, date, datetime, time, timedelta

from msgspec.structs import force_setattr

from api.imports.lines import AwardLine, DayLine, EventIds, HourLine, MemberLine, StatDayLine
from api.lib.faults import Fault
from api.postgres.partitions import EARLIEST, IMPORTED

# Earlier, an offset could lead out of the calendar, and PostgreSQL would store a time that no client can read.
_EARLIEST = datetime.combine(EARLIEST, time(), UTC)
_AHEAD = timedelta(minutes=5)


def to_utc(item: object, now: datetime) -> Fault | None:
    """Converts an item's times to UTC, in place. Returns the fault of the first impossible one."""
    if not isinstance(item, MemberLine | AwardLine | HourLine):
        return None
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if isinstance(value, datetime):
            if value > now + _AHEAD:
                return Fault(f"/{name}", "is in the future")
            if value < _EARLIEST:
                return Fault(f"/{name}", "is before the first time that can be stored")
            force_setattr(item, name, value.astimezone(UTC))
        elif isinstance(value, date):
            if value > now.date() + timedelta(days=1):  # somewhere it is tomorrow already
                return Fault(f"/{name}", "is in the future")
            if value < EARLIEST:
                return Fault(f"/{name}", "is before the first day that can be stored")
    return None


def untimely(item: object, today: date) -> Fault | None:
    """What is wrong with the time of a line: a partition would be made for it."""
    place, day = "", today
    match item:
        case DayLine() | StatDayLine():
            place, day = "/day", item.day
        case HourLine():
            place, day = "/hour", item.hour.date()
        case EventIds() if item.week != IMPORTED:
            place, day = "/week", item.week
    if day < EARLIEST:
        return Fault(place, f"is before {EARLIEST}, the first day that can be stored")
    return Fault(place, "is in the future") if day > today + timedelta(days=1) else None
