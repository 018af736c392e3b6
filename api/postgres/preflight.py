"""Checks before a server starts. They refuse, with a sentence, what would fail later."""

from api.config import Settings
from api.postgres.connections import SNAPSHOTS, WATCHERS, connect
from api.postgres.engine import PlainConnection
from api.postgres.failures import UNREACHABLE
from api.postgres.provision import connect_arguments, role_to_take, unreachable

LEAST_VERSION = 160_000


class UnusableDatabase(Exception):
    """The database cannot be used; the message says what to change."""


async def refuse_unusable(settings: Settings) -> None:
    """Raises `UnusableDatabase` if the database is away, too old or too small, or if, in production, the log-in can
    change the audit log in any way."""
    try:
        arguments = connect_arguments(settings, role=await role_to_take(settings))
        connection = await connect(**arguments, timeout=5)
    except UNREACHABLE as error:
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
            f"{settings.workers} workers with {settings.pool_size} connections, a change watcher, an event poller and "
            f"{SNAPSHOTS} connections for boards each want {wanted} connections, and the database has {offered}. Lower "
            "GUILDHALL_WORKERS or GUILDHALL_POOL_SIZE, or raise max_connections in PostgreSQL."
        )
    if settings.production and (ways := await ways_to_rewrite(connection)):
        return (
            f"The log-in of DATABASE_URL may rewrite the audit log: {ways}. Let it log in as a role that is a member "
            "of guildhall_app and of nothing else (`GRANT guildhall_app TO …`), and give the owner's log-in, as "
            "GUILDHALL_OWNER_DATABASE_URL, only to `guildhall migrate` and `guildhall backup`."
        )
    return None


async def connections(settings: Settings, connection: PlainConnection) -> tuple[int, int]:
    """The number of connections that these settings need, and the number that the server has for ordinary log-ins."""
    wanted = settings.workers * (settings.pool_size + WATCHERS + SNAPSHOTS)
    largest = int(await connection.fetchval("SHOW max_connections"))
    reserved = int(await connection.fetchval("SHOW superuser_reserved_connections"))
    return wanted, largest - reserved


async def ways_to_rewrite(connection: PlainConnection) -> str | None:
    """How this log-in could change or delete audit entries, in words. None if it cannot, or if there is no log yet. The
    present role is not enough, because `SET ROLE NONE` undoes it. So the log-in itself counts, and every role of which
    it is a member, even if it may not switch to the role at once."""
    row = await connection.fetchrow(_WAYS)
    if row is None:
        return None
    if row["superuser"]:
        return f"{row['login']} is a superuser"
    names = ", ".join(row["roles"])
    return f"{row['login']} is or can become {names}" if names else None


_WAYS = """
    SELECT session_user::text AS login,
           (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) AS superuser,
           ARRAY(
               SELECT r.rolname::text FROM pg_roles AS r
               WHERE pg_has_role(session_user, r.oid, 'MEMBER')
                 AND r.rolname <> 'pg_database_owner'  -- its only member is that owner
                 AND (r.rolsuper
                      OR r.oid IN (log.relowner, schema.nspowner, own.datdba)
                      OR has_table_privilege(r.oid, log.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
                      OR has_any_column_privilege(r.oid, log.oid, 'UPDATE')
                      OR r.rolname IN ('pg_execute_server_program', 'pg_write_server_files'))
               ORDER BY r.rolname
           ) AS roles
    FROM pg_class AS log
    JOIN pg_namespace AS schema ON schema.oid = log.relnamespace
    JOIN pg_database AS own ON own.datname = current_database()
    WHERE log.oid = to_regclass('audit_log')
"""
