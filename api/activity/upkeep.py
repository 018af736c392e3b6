"""The upkeep of activity: makes partitions ahead, and drops old ones."""

from collections.abc import Awaitable, Iterator, Mapping
from datetime import date, timedelta

from api.lib.clock import Clock
from api.members.tombstones import KEPT as TOMBSTONES_KEPT
from api.postgres.batches import delete_in_batches
from api.postgres.connections import PlainConnection
from api.postgres.database import Database
from api.postgres.failures import AWAY
from api.postgres.partitions import PartitionedTable, Partitions

_LOCK = 0x70617274  # "part"

# An id is needed until its event is too old; a day more for clocks that differ.
_IDS_KEPT = timedelta(days=8)

# The time for which a client that was away may read again; partitions are days, so it is never less.
_EVENTS_KEPT = timedelta(days=7)

# How far ahead partitions are made. The stream's are made by the numbering if need be, and every poll reads all of
# them, so they are few.
_AHEAD = 31
_STREAM_AHEAD = 2


class Upkeep:
    def __init__(
        self,
        database: Database,
        partitions: Partitions,
        clock: Clock,
        *,
        hours: timedelta,
        days: timedelta | None,
    ) -> None:
        """`hours`, `days`: how long activity by hour and by day is kept; None: for ever."""
        self._database = database
        self._partitions = partitions
        self._clock = clock
        self._kept: Mapping[PartitionedTable, timedelta | None] = {
            "activity_ids": _IDS_KEPT,
            "activity_hours": hours,
            "activity_days": days,
            "custom_stat_days": days,
            "stream_events": _EVENTS_KEPT,
        }

    async def run(self) -> bool:
        """Does all of it. If several processes call it, one does it and the others do nothing: returns whether it was
        this one. A failing step does not stop the others: raises an `ExceptionGroup` at the end. Raises
        `Unavailable`."""
        failures: list[Exception] = []
        async with self._database.session() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                return False
            try:
                for what, step in self._steps(connection):
                    try:
                        await step
                    except AWAY:
                        raise
                    except Exception as error:
                        error.add_note(what)
                        failures.append(error)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
        self._partitions.invalidate()
        if failures:
            raise ExceptionGroup("a part of the upkeep failed", failures)
        return True

    def _steps(self, connection: PlainConnection) -> Iterator[tuple[str, Awaitable[object]]]:
        """The steps, with a name for each. Partitions ahead come first: without them nothing can be recorded."""
        today = self._clock.now().date()
        for table in self._kept:
            yield f"partitions of {table} ahead", self._partitions.make(connection, table, _ahead(table, today))
        for table, kept in self._kept.items():
            if kept is not None:
                yield f"old partitions of {table}", _drop(connection, table, today - kept)
        kept_since = self._clock.now() - TOMBSTONES_KEPT
        yield "old tombstones", delete_in_batches(connection, "erased_people", "erased_at < $1", kept_since)


async def _drop(connection: PlainConnection, table: PartitionedTable, before: date) -> None:
    """Each in a transaction of its own: a table is locked against everybody while a partition of it goes."""
    while await connection.fetchval("SELECT guildhall_drop_partition($1, $2)", table, before):
        pass


def _ahead(table: PartitionedTable, today: date) -> list[date]:
    """The days that need partitions, today first."""
    days = _STREAM_AHEAD if table == "stream_events" else _AHEAD
    return [today + timedelta(days=n) for n in range(days + 1)]
