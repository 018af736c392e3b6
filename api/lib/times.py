"""Days and moments as clients write them."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_day = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_moment = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII).fullmatch

MESSAGE = "is neither a day (2026-11-22) nor an RFC 3339 time with an offset (2026-11-22T18:07:03Z)"


def parse(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that a day begins in this zone, or the RFC 3339 time; None for anything else."""
    try:
        if _day(text):
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        if _moment(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return None


def zone(name: str | None) -> ZoneInfo:
    """The zone of this name; UTC for one that this machine's time zone database does not have (any more)."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
