"""What is done to activity by itself: parts made ahead, old ones dropped."""

from collections.abc import Awaitable, Iterator, Mapping
from datetime import date, timedelta

from api.lib.clock import Clock
from api.members.tombstones import DROP_OLD
from api.members.tombstones import KEPT as TOMBSTONES_KEPT
from api.postgres.database import AWAY, Connection, Database
from api.postgres.partitions import PartitionedTable, Partitions

_LOCK = 0x70617274  # "part"

# An id is asked for as long as its event is not too old; a day more for clocks that differ.
_IDS_KEPT = timedelta(days=8)

# What a client that was away may still ask for; parts are days, so it is never less.
_EVENTS_KEPT = timedelta(days=7)

# How far ahead parts are made. A day of the stream is made by who first gives a position on it, if need be, and
# each look at the stream looks into all of its parts.
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
        """For how long is kept: activity by hour, activity by day (None: for ever)."""
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

    async def run(self) -> None:
        """All of it. Of many processes that call it at once one does it, the others nothing. What fails ends nothing
        else: raises an `ExceptionGroup` of what did when the rest is done. Raises `Unavailable`."""
        failures: list[Exception] = []
        async with self._database.connection() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                return
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
            raise ExceptionGroup("some of the upkeep failed", failures)

    def _steps(self, connection: Connection) -> Iterator[tuple[str, Awaitable[object]]]:
        """What is to be done, one after the other, and a name for each. Partitions ahead come first: without them
        nothing could be recorded."""
        today = self._clock.now().date()
        for table in self._kept:
            yield f"partitions of {table} ahead", self._partitions.make(connection, table, _ahead(table, today))
        for table, kept in self._kept.items():
            if kept is not None:
                drop = connection.execute("SELECT guildhall_drop_parts($1, $2)", table, today - kept)
                yield f"old partitions of {table}", drop
        yield "old tombstones", connection.execute(DROP_OLD, self._clock.now() - TOMBSTONES_KEPT)


def _ahead(table: PartitionedTable, today: date) -> list[date]:
    """The days for which parts are made, today's first."""
    days = _STREAM_AHEAD if table == "stream_events" else _AHEAD
    return [today + timedelta(days=n) for n in range(days + 1)]
