"""Checks before a server starts. They refuse, with a sentence, what would fail later."""

from api.config import Settings
from api.postgres.access import UnusableDatabase, find_access, refuse_stale
from api.postgres.connections import SNAPSHOTS, UPKEEP, WATCHERS, PlainConnection, connect
from api.postgres.failures import UNREACHABLE
from api.postgres.provision import unreachable
from api.postgres.replica_setup import examine_replica
from api.postgres.rights import ways_to_rewrite

LEAST_VERSION = 160_000


async def refuse_unusable(settings: Settings) -> None:
    """Raises `UnusableDatabase` if the database is away, too old or too small, if connections lack the time-outs or the
    role of the application, or if, in production, the log-in can change the audit log in any way. The address of a
    replica is held to the same; a replica that is away is no problem."""
    try:
        access = await find_access(settings)
        connection = await connect(**access.session, timeout=5)
        try:
            problem = await _problem(settings, connection, has_pooler=access.has_pooler)
            if problem is None and settings.read_database_url is not None:
                await examine_replica(settings, connection)
        finally:
            await connection.close()
        if problem is None and access.has_pooler:
            await refuse_stale(access, settings.pool_size)
    except UNREACHABLE as error:
        raise UnusableDatabase(unreachable(error)) from None
    if problem is not None:
        raise UnusableDatabase(problem)


async def _problem(settings: Settings, connection: PlainConnection, *, has_pooler: bool) -> str | None:
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < LEAST_VERSION:
        return f"This is PostgreSQL {version // 10_000}. Guildhall needs {LEAST_VERSION // 10_000} or newer."
    wanted, offered = await connections(settings, connection, has_pooler=has_pooler)
    if wanted > offered:
        lent = "" if has_pooler else f"{settings.pool_size} connections, {SNAPSHOTS} for boards, "
        return (
            f"{settings.workers} workers with {lent}a change watcher, an event poller and one for upkeep each want "
            f"{wanted} connections, and the database has {offered}. Lower GUILDHALL_WORKERS or GUILDHALL_POOL_SIZE, or "
            "raise max_connections in PostgreSQL."
        )
    if settings.production and (ways := await ways_to_rewrite(connection)):
        return (
            f"The log-in of DATABASE_URL may rewrite the audit log: {ways}. Let it log in as a role that is a member "
            "of guildhall_app and of nothing else (`guildhall migrate` makes it one), and give the owner's log-in, as "
            "GUILDHALL_OWNER_DATABASE_URL, only to `guildhall migrate` and `guildhall backup`."
        )
    return None


async def connections(settings: Settings, connection: PlainConnection, *, has_pooler: bool) -> tuple[int, int]:
    """The number of connections that these settings need from PostgreSQL itself, and the number that it has for
    ordinary log-ins. What a pooler lends is the pooler's to bound."""
    lent = 0 if has_pooler else settings.pool_size + SNAPSHOTS
    wanted = settings.workers * (lent + WATCHERS + UPKEEP)
    largest = int(await connection.fetchval("SHOW max_connections"))
    reserved = int(await connection.fetchval("SHOW superuser_reserved_connections"))
    return wanted, largest - reserved
