"""Times in an export: converted to UTC, and within the possible range. Pure."""

from datetime import UTC, date, datetime, timedelta

from msgspec.structs import force_setattr

from api.imports.lines import AwardLine, HourLine, MemberLine
from api.lib.faults import Fault

# A week after the calendar's first day, so no time zone leads out of it. An offset could, and PostgreSQL would store a
# time that no client can read.
_EARLIEST = datetime(1, 1, 8, tzinfo=UTC)
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
            if value < _EARLIEST.date():
                return Fault(f"/{name}", "is before the first day that can be stored")
    return None
