"""What pictures of a leaderboard, and of activity in time, show. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from api.cards.colors import palette
from api.cards.data import Look, common, duration, face_of
from api.cards.names import Person
from api.leaderboards.dtos import LeaderboardView
from api.lib.json import JsonObject, JsonValue
from api.members.dtos import SeriesView

MOST_ROWS = 25  # of a board
MOST_BARS = 200  # of a chart: more buckets are drawn together
GRID = 4  # lines above the lowest one
DATES = 6

_PERIODS = {"all": "All time", "day": "Day", "week": "Week", "month": "Month"}
_STATS = {
    "xp": "XP",
    "messages": "messages",
    "voice_seconds": "voice time",
    "reactions": "reactions",
    "commands": "commands",
}


def board(
    look: Look, guild: str, view: LeaderboardView, people: Sequence[Person], faces: Sequence[str | None]
) -> JsonObject:
    """A page of a leaderboard. `faces`: the names of the stored pictures of these people."""
    best = max((each.value for each in view.items), default=0)
    rows: list[JsonValue] = []
    for entry, person, face in zip(view.items, people, faces, strict=True):
        rows.append(
            {
                "rank": f"{entry.rank:,}",
                "person": face_of(person, face),
                "name": person.name,
                "value": _amount(view.stat, entry.value),
                "under": f"Level {entry.level:,}",
                "share": min(max(entry.value / best, 0.0), 1.0) if best > 0 else 0.0,
            }
        )
    words = " ".join([guild, *(each.name for each in people)])
    return {
        **common(look, palette(look.settings.accent, look.background), words),
        "title": guild,
        "subtitle": f"{_when(view)} · {_STATS.get(view.stat, view.stat)}",
        "count": f"{view.member_count:,} member{'' if view.member_count == 1 else 's'}",
        "rows": rows,
    }


def chart(look: Look, person: Person, face: str | None, series: SeriesView, zone: tzinfo) -> JsonObject:
    """Messages in time, or XP where there were no messages."""
    shows_messages = any(each.messages for each in series.items)
    values = [each.messages if shows_messages else each.xp for each in series.items]
    starts = [each.at.astimezone(zone) for each in series.items]
    together = -(-len(values) // MOST_BARS) or 1
    bars = [sum(values[first : first + together]) for first in range(0, len(values), together)]
    top = _round_top(max(bars, default=0))
    return {
        **common(look, palette(look.settings.accent, look.background), person.name),
        "person": face_of(person, face),
        "name": person.name,
        "subtitle": _span(series, zone),
        "total": f"{sum(values):,}",
        "unit": "messages" if shows_messages else "XP",
        "bars": [each / top for each in bars],
        "grid": [[line / GRID, _short(top * line // GRID)] for line in range(GRID + 1)],
        "dates": [[index, _date(starts[index * together], series.bucket)] for index in _spread(len(bars))],
    }


def _amount(stat: str, value: int) -> str:
    if stat == "voice_seconds":
        return duration(value)
    return f"{value:,} XP" if stat == "xp" else f"{value:,}"


def _when(view: LeaderboardView) -> str:
    if view.from_ is None or view.to is None:
        return _PERIODS["all"]
    days = _day(view.from_) if view.from_ == view.to else f"{_day(view.from_)} to {_day(view.to)}"
    return days if view.period is None else f"{_PERIODS[view.period]}: {days}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _span(series: SeriesView, zone: tzinfo) -> str:
    first, last = series.from_.astimezone(zone), (series.to - timedelta(microseconds=1)).astimezone(zone)
    return _day(first) if first.date() >= last.date() else f"{_day(first)} to {_day(last)}"


def _date(at: datetime, bucket: str) -> str:
    return f"{at.day} {at:%b %H:%M}" if bucket == "hour" else f"{at.day} {at:%b}"


def _spread(count: int) -> list[int]:
    """Bars that have their date below them, evenly."""
    step = -(-count // DATES) or 1
    return list(range(0, count, step))


def _round_top(most: int) -> int:
    """The top of the scale: a round number that the lines divide evenly."""
    unit = 4
    while True:
        for factor in (1, 2, 3, 5):
            if unit * factor >= most:
                return unit * factor
        unit *= 10


def _short(number: int) -> str:
    """At most five characters."""
    for size, sign in ((10**15, "P"), (10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size * 10 or (number >= size and number % size == 0):
            return f"{number / size:.3g}{sign}"
    return f"{number:,}"
