"""The replica of the settings: checks before a server starts and by `guildhall doctor`, and the reader that uses it."""

import asyncpg

from api.config import Settings
from api.lib.metrics import Metrics
from api.postgres.access import find_replica_access
from api.postgres.connections import SNAPSHOTS, PlainConnection, connect
from api.postgres.database import Database
from api.postgres.failures import AWAY, UnusableDatabase
from api.postgres.positions import Home, Position, ask, ask_home, ask_replica, fault, strange
from api.postgres.reader import Reader
from api.postgres.replica import Replica


def build_reader(settings: Settings, database: Database, metrics: Metrics) -> Reader:
    """The reader, with a replica if the settings name one. Connects to nothing."""
    if settings.read_database_url is None:
        return Reader(database)
    replica = Replica(
        database,
        lambda: find_replica_access(settings),
        metrics,
        connections=replica_connections(settings),
        acquire_timeout=settings.acquire_timeout_ms / 1000,
        lag=settings.read_lag_seconds,
    )
    return Reader(database, replica)


async def examine_replica(settings: Settings, primary: PlainConnection) -> str | None:
    """What keeps reads on the primary at present, in words; None if nothing does. A replica may be away, promoted or
    behind: then the server starts all the same. Raises `UnusableDatabase` for what no replica can be: an address that
    leads elsewhere, or connections without what each must have."""
    try:
        home, position = await ask_home(primary), await ask(primary)
    except (TimeoutError, asyncpg.PostgresError) as error:
        return f"the database does not say where it is: {_words(error)}"
    try:
        connection = await connect(**await find_replica_access(settings), timeout=5)
    except ValueError:
        raise UnusableDatabase(_NO_ADDRESS) from None
    except (asyncpg.PostgresError, *AWAY) as error:
        return f"it cannot be reached: {_words(error)}"
    try:
        return await _examine(settings, connection, home, position)
    except (asyncpg.PostgresError, *AWAY) as error:
        return f"it does not answer: {_words(error)}"
    finally:
        await connection.close()


async def _examine(settings: Settings, connection: PlainConnection, home: Home, position: Position) -> str | None:
    seen = await ask_replica(connection)
    if (words := strange(seen.home, home)) is not None:
        raise UnusableDatabase(f"GUILDHALL_READ_DATABASE_URL cannot be used: {words}.")
    offered = int(await connection.fetchval("SHOW max_connections")) - int(
        await connection.fetchval("SHOW superuser_reserved_connections")
    )
    wanted = settings.workers * (replica_connections(settings) + 1)
    if wanted > offered:
        return f"{settings.workers} workers want {wanted} connections, and it has {offered}: raise its max_connections"
    return fault(seen, position, home)


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def replica_connections(settings: Settings) -> int:
    """The most reads of one worker on the replica at a time: as many as on the primary. One connection more watches
    it."""
    return settings.pool_size + SNAPSHOTS


_NO_ADDRESS = (
    "GUILDHALL_READ_DATABASE_URL is no address of a database. It looks like "
    "postgresql://name:password@host:5432/guildhall."
)
