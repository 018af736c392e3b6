"""Errors between Guildhall and PostgreSQL, grouped by how to react. No other module has such lists."""

import asyncpg

from api.errors import DatabaseAway, Overloaded, Unavailable

# What asyncpg raises when the server is gone, going, coming or full.
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement sent between the server's farewell and the connection's end
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)

# What ends a transaction because of what others do at the time: done again, it may well succeed.
CONTENTION = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)

# Tried again within seconds, by whoever has the work: it is not the work's fault.
RETRYABLE = (DatabaseAway, Overloaded, *CONTENTION, *AWAY)

# Whatever the database answers, or does not: the next run may fare better. Any other error is a mistake of ours.
TRANSIENT = (Unavailable, asyncpg.PostgresError, *AWAY)

# Where a command ends with a sentence about the database. A fault of asyncpg's own is shown with its trace.
UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

# Values that no column takes. Requests are looked through before, so hardly ever does one come so far.
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
