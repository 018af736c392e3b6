"""What a log-in of the application could do beyond its role."""

from api.postgres.connections import PlainConnection


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
