"""What a start looks at before it serves: what would break later is refused now, in a sentence."""

import asyncpg

from api.config import Settings
from api.engine import PlainConnection
from api.postgres.connections import connect
from api.provision import connect_arguments, role_to_take, unreachable

LEAST_VERSION = 160_000


class UnusableDatabase(Exception):
    """The database cannot be served from; the message says what to change."""


async def refuse_unusable(settings: Settings) -> None:
    """Raises `UnusableDatabase` where the database is away, too old or too small, or where in production
    the log-in may rewrite the audit log."""
    try:
        arguments = connect_arguments(settings, role=await role_to_take(settings))
        connection = await connect(**arguments, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnusableDatabase(unreachable(error)) from None
    try:
        problem = await _problem(settings, connection)
    finally:
        await connection.close()
    if problem is not None:
        raise UnusableDatabase(problem)


async def _problem(settings: Settings, connection: PlainConnection) -> str | None:
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < LEAST_VERSION:
        return f"This is PostgreSQL {version // 10_000}. Guildhall needs {LEAST_VERSION // 10_000} or newer."
    wanted, offered = await connections(settings, connection)
    if wanted > offered:
        return (
            f"{settings.workers} workers with {settings.pool_size} connections, a look-out and a reader of events "
            f"each want {wanted} connections, and the database has {offered}. Lower GUILDHALL_WORKERS or "
            "GUILDHALL_POOL_SIZE, or raise max_connections in PostgreSQL."
        )
    if settings.production and await rewrites_audit_log(connection):
        return (
            "The log-in of DATABASE_URL may rewrite the audit log. Run `guildhall migrate` as an owner that may "
            "make roles, and let DATABASE_URL log in as a member of guildhall_app that does not own the tables."
        )
    return None


async def connections(settings: Settings, connection: PlainConnection) -> tuple[int, int]:
    """How many connections these settings want, and how many the server has for ordinary log-ins."""
    wanted = settings.workers * (settings.pool_size + 2)
    largest = int(await connection.fetchval("SHOW max_connections"))
    reserved = int(await connection.fetchval("SHOW superuser_reserved_connections"))
    return wanted, largest - reserved


async def rewrites_audit_log(connection: PlainConnection) -> bool:
    """Whether this log-in may change or delete entries. False where there is no audit log yet."""
    may: bool = await connection.fetchval(
        "SELECT coalesce(has_table_privilege(to_regclass('audit_log'), 'UPDATE, DELETE, TRUNCATE'), false)"
    )
    return may
