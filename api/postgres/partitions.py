"""The parts of tables that grow with time: made ahead, or as soon as one is wanted; dropped when they are old.

The application owns no table: functions of the owner make and drop the parts, and no others."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, TypeVar

import asyncpg
import structlog

from api.postgres.database import Connection, Database

log = structlog.get_logger("guildhall.partitions")

PartitionedTable = Literal["activity_ids", "activity_days", "activity_hours", "custom_stat_days", "stream_events"]
Wanted = Mapping[PartitionedTable, Collection[date]]
T = TypeVar("T")

# Those that go with their guild; the stream tells of a guild's end, and outlives it.
TABLES: tuple[PartitionedTable, ...] = ("activity_ids", "activity_days", "activity_hours", "custom_stat_days")

# What is older than this month lies in one part of each table, so that no file can make more parts than months
# have passed since; `guildhall_part` says so too.
ANCIENT = date(1999, 11, 1)

# The oldest day that is stored: a week from the calendar's first, so that no zone and no week leads out of it.
EARLIEST = date(1, 1, 8)

# The week of the ids of imported events, which stay.
IMPORTED = date(9999, 12, 27)


def week_of(day: date) -> date:
    """The Monday on which the part of event ids that takes this day begins."""
    return day - timedelta(days=day.weekday())


def around(now: datetime) -> Wanted:
    """What a row of this moment may need, whatever the guild's timezone."""
    days = [now.date() + timedelta(days=n) for n in (-1, 0, 1)]
    return {"activity_days": days, "activity_hours": days}


def hours_since(now: datetime, kept: timedelta) -> datetime:
    """Since when activity by hour is there, if it is kept for so long: days are dropped whole, in UTC."""
    return datetime.combine((now - kept).date(), time(), UTC)


def is_missing_partition(error: BaseException) -> bool:
    """Whether PostgreSQL refused a row because no part of its table takes it. It calls that a violated check, as it
    does a constraint's, but names no constraint."""
    return isinstance(error, asyncpg.CheckViolationError) and getattr(error, "constraint_name", None) is None


class Partitions:
    """Which parts this process believes to be there, and the one way to write to them. Another process may drop
    any of them at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[PartitionedTable, set[date]] = {table: set() for table in (*TABLES, "stream_events")}

    async def write(self, wanted: Wanted, attempt: Callable[[], Awaitable[T]]) -> T:
        """Makes the parts that are missing, then awaits `attempt`, which opens a transaction of its own. Where one of
        them turns out to have been dropped meanwhile, both are done once more: what `attempt` changes in memory
        before it commits, it must set anew."""
        await self._have(wanted)
        try:
            return await attempt()
        except asyncpg.CheckViolationError as error:
            if not is_missing_partition(error):
                raise
            log.info("a partition was dropped meanwhile: it is made, and the transaction tried again", error=str(error))
        self.invalidate()
        await self._have(wanted)
        return await attempt()

    async def make(self, connection: Connection, table: PartitionedTable, days: Iterable[date]) -> None:
        """Makes the parts that these days need, where they are missing. Not within a transaction: until that ended,
        others who need one would wait for it."""
        for first in sorted(self._lacks(table, days)):
            await connection.execute("SELECT guildhall_make_part($1, $2)", table, first)
            self._known[table].add(first)

    def invalidate(self) -> None:
        """All of it, after parts were dropped."""
        for known in self._known.values():
            known.clear()

    async def _have(self, wanted: Wanted) -> None:
        if any(self._lacks(table, days) for table, days in wanted.items()):  # hardly ever: they are made ahead
            async with self._database.connection() as connection:
                for table, days in wanted.items():
                    await self.make(connection, table, days)

    def _lacks(self, table: PartitionedTable, days: Iterable[date]) -> set[date]:
        """The first days of the parts that these days need and that are not known to be there."""
        if table == "stream_events":
            return set(days) - self._known[table]
        first = _week_of if table == "activity_ids" else _month_of
        return {first(day) for day in days} - self._known[table]


def _week_of(day: date) -> date:
    return week_of(max(day, ANCIENT))


@lru_cache(4096)
def _month_of(day: date) -> date:
    return max(day.replace(day=1), ANCIENT)
