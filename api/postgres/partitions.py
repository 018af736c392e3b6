"""Partitions of the tables that grow with time: made ahead or on demand, dropped when they are old.

The application owns no table. Functions of the owner make and drop these partitions, and no others."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, TypeVar

import asyncpg
import structlog

from api.postgres.connections import PlainConnection
from api.postgres.database import Connection, Database

log = structlog.get_logger("guildhall.partitions")

PartitionedTable = Literal["activity_ids", "activity_days", "activity_hours", "custom_stat_days", "stream_events"]
Wanted = Mapping[PartitionedTable, Collection[date]]
T = TypeVar("T")

# Tables whose rows are deleted with their guild. The event stream is not among them: it reports the guild's end.
TABLES: tuple[PartitionedTable, ...] = ("activity_ids", "activity_days", "activity_hours", "custom_stat_days")

# Everything older than this month is in one partition of each table. So a file cannot make more partitions than the
# months since then. `guildhall_partition` has the same limit.
ANCIENT = date(1999, 11, 1)

# The oldest day that is stored: a week after the calendar's first day, so no time zone or week leaves the calendar.
EARLIEST = date(1, 1, 8)

# The week under which the ids of imported events are stored. They are kept.
IMPORTED = date(9999, 12, 27)


def week_of(day: date) -> date:
    """The Monday on which the partition of event ids with this day begins."""
    return day - timedelta(days=day.weekday())


def around(now: datetime) -> Wanted:
    """The partitions that a row of this time may need, whatever the guild's time zone."""
    days = [now.date() + timedelta(days=n) for n in (-1, 0, 1)]
    return {"activity_days": days, "activity_hours": days}


def hours_since(now: datetime, kept: timedelta) -> datetime:
    """The time since which activity by hour is stored, if it is kept for `kept`. Whole days are dropped, in UTC."""
    return datetime.combine((now - kept).date(), time(), UTC)


def is_missing_partition(error: BaseException) -> bool:
    """Whether PostgreSQL refused a row because no partition fits it. That is a check violation like that of a
    constraint, but without a constraint's name."""
    return isinstance(error, asyncpg.CheckViolationError) and getattr(error, "constraint_name", None) is None


class Partitions:
    """The partitions that this process believes to exist, and the one way to write to them. Another process may drop
    any of them at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[PartitionedTable, set[date]] = {table: set() for table in (*TABLES, "stream_events")}

    async def write(self, wanted: Wanted, attempt: Callable[[], Awaitable[T]]) -> T:
        """Makes the missing partitions, then awaits `attempt`, which opens its own transaction. If a partition was
        dropped meanwhile, it does both once more: `attempt` must reset its changes in memory before its commit."""
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

    async def make(
        self, connection: Connection | PlainConnection, table: PartitionedTable, days: Iterable[date]
    ) -> None:
        """Makes the missing partitions of these days. Call it outside a transaction: others who need one would wait for
        its end."""
        for first in sorted(self._lacks(table, days)):
            await connection.execute("SELECT guildhall_create_partition($1, $2)", table, first)
            self._known[table].add(first)

    def invalidate(self) -> None:
        """Assumes no partitions any more, after some were dropped."""
        for known in self._known.values():
            known.clear()

    async def _have(self, wanted: Wanted) -> None:
        if any(self._lacks(table, days) for table, days in wanted.items()):  # rare: they are made ahead
            async with self._database.connection() as connection:
                for table, days in wanted.items():
                    await self.make(connection, table, days)

    def _lacks(self, table: PartitionedTable, days: Iterable[date]) -> set[date]:
        """The first days of the needed partitions that are not known to exist."""
        if table == "stream_events":
            return set(days) - self._known[table]
        first = _week_of if table == "activity_ids" else _month_of
        return {first(day) for day in days} - self._known[table]


def _week_of(day: date) -> date:
    return week_of(max(day, ANCIENT))


@lru_cache(4096)
def _month_of(day: date) -> date:
    return max(day.replace(day=1), ANCIENT)
