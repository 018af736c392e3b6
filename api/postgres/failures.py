"""Errors between Guildhall and PostgreSQL, grouped by how to react. No other module has such lists."""

import asyncpg

from api.errors import DatabaseAway, Overloaded, Unavailable


class UnusableDatabase(Exception):
    """The database cannot be used; the message says what to change."""


# The server takes no writes (any more): it is a replica, or was made one. Another connection may lead to its successor.
DEMOTED = (asyncpg.ReadOnlySQLTransactionError,)

# Errors of asyncpg while the server is gone, going, coming, full or no longer the leader.
AWAY = (
    *DEMOTED,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement sent between the server's farewell and the end of the connection
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

# Errors of a transaction that waited for a lock.
LOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)

# Errors that end a transaction because of concurrent work. A second try may well succeed.
CONTENTION = (*LOCKED, asyncpg.QueryCanceledError, asyncpg.SerializationError)

# The holder of the work tries it again within seconds: the work is not at fault.
RETRYABLE = (DatabaseAway, Overloaded, *CONTENTION, *AWAY)

# Errors after which the next run may succeed, whatever the database answers. Any other error is our own mistake.
TRANSIENT = (Unavailable, asyncpg.PostgresError, *AWAY)

# Errors after which a command ends with a sentence about the database. asyncpg's own faults get their trace.
UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.TargetServerAttributeNotMatched)

# Values that no column accepts. Requests are validated earlier, so such a value is rare here.
IMPOSSIBLE_VALUES = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.DatetimeFieldOverflowError,
    asyncpg.InvalidDatetimeFormatError,
    asyncpg.InvalidTextRepresentationError,
    asyncpg.InvalidTimeZoneDisplacementValueError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.StringDataRightTruncationError,
    asyncpg.UntranslatableCharacterError,
)


class MigrationFailed(Exception):
    """Piccolo's own message, or why the database cannot be migrated. Nothing of the migration that failed was kept."""
