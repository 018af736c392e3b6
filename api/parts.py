"""The parts of tables that grow with time: made ahead, or as soon as one is wanted; dropped when they are old.

The application owns no table: functions of the owner make and drop the parts, and no others."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from api.database import Connection

Parted = Literal["activity_ids", "activity_days", "activity_hours", "custom_stat_days", "stream_events"]

# Those that go with their guild; the stream tells of a guild's end, and outlives it.
TABLES: tuple[Parted, ...] = ("activity_ids", "activity_days", "activity_hours", "custom_stat_days")

# The week of the ids of imported events, which stay.
IMPORTED = date(9999, 12, 27)


def week_of(day: date) -> date:
    """The Monday on which the part of event ids that takes this day begins."""
    return day - timedelta(days=day.weekday())


class Parts:
    """Which parts this process knows to be there. Parts are dropped only when nothing may be added to them."""

    def __init__(self) -> None:
        self._known: dict[Parted, set[date]] = {table: set() for table in (*TABLES, "stream_events")}

    def forget(self) -> None:
        """All of it, after parts were dropped."""
        for known in self._known.values():
            known.clear()

    def lacks(self, table: Parted, days: Iterable[date]) -> set[date]:
        """The first days of the parts that these days need and that are not known to be there."""
        if table == "stream_events":
            return set(days) - self._known[table]
        first = week_of if table == "activity_ids" else _month_of
        return {first(day) for day in days} - self._known[table]

    async def ensure(self, connection: Connection, table: Parted, days: Iterable[date]) -> None:
        """Makes the parts that are missing. Outside a transaction, each is there at once; within one, its
        table may not be written by others until that ends."""
        for first in sorted(self.lacks(table, days)):
            await connection.execute("SELECT guildhall_make_part($1, $2)", table, first)
            self._known[table].add(first)


@lru_cache(4096)
def _month_of(day: date) -> date:
    return day.replace(day=1)
