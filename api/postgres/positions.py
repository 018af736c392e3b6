"""Positions in the write-ahead log: how far the primary has come, how far a replica follows, and whether the two belong
together. Any log-in may ask."""

from typing import NamedTuple

import asyncpg

from api.postgres.connections import PlainConnection
from api.postgres.database import Connection

ANSWER_SECONDS = 1.0

# A commit is visible, and answered, only after it was flushed to the disk. So the position up to which the log is
# flushed is behind every commit that anybody has seen. That holds unless `synchronous_commit` is off. (The position of
# the last insert would be safe in any case, but it may be ahead of what replicas receive for seconds.)
PRIMARY = """
    SELECT pg_current_wal_flush_lsn() AS flushed, pg_walfile_name(pg_current_wal_flush_lsn()) AS file,
           current_setting('synchronous_commit') <> 'off' AS waits_for_disk
"""

# The same for a server and its replicas. It costs more than a position, and never changes.
HOME = """
    SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) AS database
    FROM pg_control_system()
"""

# A replica notes a new timeline, the history after a promotion, at its next restart point; until then, the timeline of
# what it has flushed may be newer.
REPLICA = """
    SELECT pg_is_in_recovery() AS is_replica, pg_last_wal_replay_lsn() AS replayed, own.system_identifier,
           greatest(point.timeline_id, recovery.min_recovery_end_timeline) AS timeline,
           (SELECT oid FROM pg_database WHERE datname = current_database()) AS database
    FROM pg_control_system() AS own, pg_control_checkpoint() AS point, pg_control_recovery() AS recovery
"""


class Home(NamedTuple):
    """A database of a system. A copy of the server has it, too."""

    system: int
    database: int


class Position(NamedTuple):
    """Where the primary is. A replica that has replayed `flushed` has every commit from before the question."""

    flushed: int
    timeline: int
    waits_for_disk: bool


class Replayed(NamedTuple):
    """How far a replica has come."""

    is_replica: bool
    replayed: int | None
    timeline: int
    home: Home

    def reaches(self, position: Position) -> bool:
        """Whether it has every commit from before that position was asked for."""
        return self.replayed is not None and self.replayed >= position.flushed


def strange(replica: Home, primary: Home) -> str | None:
    """Why this server can never be a replica of that primary, in words."""
    if replica.system != primary.system:
        return "it belongs to another PostgreSQL server, not to that of DATABASE_URL"
    if replica.database != primary.database:
        return "it leads to another database of the server than DATABASE_URL"
    return None


def fault(replica: Replayed, position: Position, home: Home) -> str | None:
    """Why positions of the two cannot be compared at present, in words. `home`: the primary's."""
    if (never := strange(replica.home, home)) is not None:
        return never
    if not replica.is_replica:
        return "it is no replica: it was promoted, or never was one"
    if replica.timeline != position.timeline:
        return "it has not noted the primary's last promotion yet, which can take minutes, or does not follow it"
    if replica.replayed is None:
        return "it does not say how far it has come"
    if not position.waits_for_disk:
        return "the primary's synchronous_commit is off, so its position does not say what was committed"
    return None


async def ask(primary: Connection | PlainConnection) -> Position:
    """Where the primary is now."""
    row = await _row(primary, PRIMARY)
    return Position(row["flushed"], int(row["file"][:8], 16), row["waits_for_disk"])


async def ask_home(primary: Connection | PlainConnection) -> Home:
    """What the primary's replicas must be copies of."""
    return Home(*await _row(primary, HOME))


async def ask_replica(replica: Connection | PlainConnection) -> Replayed:
    """How far the replica has come by now. Raises `TimeoutError` if it does not answer."""
    row = await _row(replica, REPLICA, ANSWER_SECONDS)
    home = Home(row["system_identifier"], row["database"])
    return Replayed(row["is_replica"], row["replayed"], row["timeline"], home)


async def _row(
    connection: Connection | PlainConnection, statement: str, seconds: float | None = None
) -> asyncpg.Record:
    row = await connection.fetchrow(statement, timeout=seconds)
    assert row is not None
    return row
