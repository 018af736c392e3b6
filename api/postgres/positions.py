"""Positions in the write-ahead log: how far the primary has come, how far a replica follows, and whether the two belong
together. Both are asked by one statement each, which any log-in may run."""

from typing import NamedTuple

import asyncpg

# A commit is visible, and answered, only after it was flushed to the disk. So the position up to which the log is
# flushed is behind every commit that anybody has seen. That holds unless `synchronous_commit` is off. (The position of
# the last insert would be safe in any case, but it may be ahead of what replicas receive for seconds.)
PRIMARY = """
    SELECT pg_current_wal_flush_lsn() AS flushed, pg_walfile_name(pg_current_wal_flush_lsn()) AS file,
           current_setting('synchronous_commit') <> 'off' AS waits_for_disk, own.system_identifier,
           (SELECT oid FROM pg_database WHERE datname = current_database()) AS database
    FROM pg_control_system() AS own
"""

# A replica notes a new timeline, the history after a promotion, at its next restart point; until then, the timeline of
# what it has flushed may be newer.
REPLICA = """
    SELECT pg_is_in_recovery() AS is_replica, pg_last_wal_replay_lsn() AS replayed, own.system_identifier,
           greatest(point.timeline_id, recovery.min_recovery_end_timeline) AS timeline,
           (SELECT oid FROM pg_database WHERE datname = current_database()) AS database
    FROM pg_control_system() AS own, pg_control_checkpoint() AS point, pg_control_recovery() AS recovery
"""


class Position(NamedTuple):
    """Where the primary is. A replica that has replayed `flushed` has every commit from before the question."""

    flushed: int
    timeline: int
    system: int
    database: int
    waits_for_disk: bool

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Position":
        """From a row of `PRIMARY`."""
        timeline = int(row["file"][:8], 16)
        return cls(row["flushed"], timeline, row["system_identifier"], row["database"], row["waits_for_disk"])


class Replayed(NamedTuple):
    """How far a replica has come."""

    is_replica: bool
    replayed: int | None
    timeline: int
    system: int
    database: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Replayed":
        """From a row of `REPLICA`."""
        return cls(row["is_replica"], row["replayed"], row["timeline"], row["system_identifier"], row["database"])

    def reaches(self, position: Position) -> bool:
        """Whether it has every commit from before that position was asked for."""
        return self.replayed is not None and self.replayed >= position.flushed


def strange(replica: Replayed, position: Position) -> str | None:
    """Why this server can never be a replica of that primary, in words."""
    if replica.system != position.system:
        return "it belongs to another PostgreSQL server, not to that of DATABASE_URL"
    if replica.database != position.database:
        return "it leads to another database of the server than DATABASE_URL"
    return None


def fault(replica: Replayed, position: Position) -> str | None:
    """Why positions of the two cannot be compared at present, in words."""
    if (never := strange(replica, position)) is not None:
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
