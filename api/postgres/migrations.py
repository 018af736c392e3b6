"""Migrations: bring the database's schema to the state that the code expects. One migrator at a time; each migration
and its bookkeeping in one transaction; then the rights of the roles."""

import contextlib
import io
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from api.postgres import catalog, old_chain
from api.postgres.access import are_shared, configure_login, has_pooler
from api.postgres.connections import PlainConnection, connect
from api.postgres.failures import MigrationFailed as MigrationFailed
from api.postgres.lock_retries import WAIT_MS, retry
from api.postgres.provision import APP, READ_ONLY, ROLE_SETTINGS

FOLDER = Path(__file__).parents[2] / "piccolo_migrations"
APP_NAME = "guildhall"
LOCK = 0x6775696C64  # "guild"

# Rights that the application lacks on a table, though it may read and write the others.
WITHHELD = {
    "audit_log": "UPDATE, DELETE, TRUNCATE",
    "guild_settings_revisions": "UPDATE, DELETE, TRUNCATE",
    "migration": "INSERT, UPDATE, DELETE, TRUNCATE",
    "erasure_salt": "INSERT, UPDATE, DELETE, TRUNCATE",
    "pseudonym_key": "SELECT, INSERT, UPDATE, DELETE, TRUNCATE",
}

# Nobody needs to read hashes, passwords and tokens.
SECRET = (
    "api_keys", "admin_users", "admin_sessions", "sessions", "logins", "erased_people", "erasure_salt", "webhooks",
    "idempotent_answers", "admin_second_factors", "pseudonym_key",
)  # fmt: skip

# Functions that the application calls: to make and drop partitions, which it does not own, and to take a person's name,
# or outdated entries, out of a log that it may not change.
CALLED = (
    "guildhall_partition(text, date)",
    "guildhall_create_partition(text, date)",
    "guildhall_drop_partition(text, date)",
    "guildhall_pseudonymize_audit_log(bigint, bigint[], integer)",
    "guildhall_pseudonymize_revisions(bigint, bigint[], integer)",
    "guildhall_record_erasure(bigint, bigint[], text, text, text, text, text, text)",
    "guildhall_delete_revisions_beyond(bigint, text, integer, integer)",
    "guildhall_delete_revisions_of(bigint, integer)",
    "guildhall_delete_revisions_before(timestamp with time zone, integer)",
)


@dataclass(slots=True)
class Recorder:
    """Stands in for Piccolo's transaction: runs statements on one connection, and records them."""

    connection: "Recorder | PlainConnection" = field(init=False)
    real: PlainConnection
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = self

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:  # whatever a column holds
        if not args and not query.lstrip().upper().startswith("SELECT"):
            self.statements.append(query.strip().rstrip(";") + ";")
        return await self.real.fetch(query, *args)


def known() -> list[str]:
    """The ids of the migrations in the code, oldest first."""
    found = (re.search(r'^ID = "(.+)"$', path.read_text(), re.M) for path in FOLDER.glob("guildhall_*.py"))
    return sorted(match[1] for match in found if match)


async def applied(connection: PlainConnection) -> set[str]:
    """The ids of the migrations that the database has."""
    try:
        rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
    except asyncpg.UndefinedTableError:
        return set()
    return {row["name"] for row in rows}


async def migrate(
    engine: PostgresEngine, owner_url: str, *, session_url: str | None = None, dry_run: bool = False
) -> list[str]:
    """Runs the migrations that have not run, then configures the log-in of `session_url`. Returns their ids, or with
    `dry_run` the SQL that would run. A second call does nothing. Waits for another migrator to end."""
    connection = await connect(owner_url, timeout=5)
    try:
        if await has_pooler(connection) and await are_shared(owner_url):
            raise MigrationFailed(
                "A pooler that gives each transaction another connection stands in front of the database. Migrations "
                "need PostgreSQL itself: set GUILDHALL_OWNER_DATABASE_URL to its address."
            )
        await _lock(connection)
        has = await applied(connection)
        if refusal := old_chain.refusal(has):
            raise MigrationFailed(refusal)
        is_old = old_chain.is_whole(has)
        pending = [id_ for id_ in known() if id_ not in (old_chain.START if is_old else has)]
        if dry_run:
            return await _preview(engine, connection, old_chain.TAKE_OVER if is_old else (), pending)
        await make_roles(connection)
        if is_old:
            await retry(partial(_take_over, engine, connection, pending))
        else:
            for id_ in pending:
                await retry(partial(_run, engine, connection, id_))
        await retry(partial(grant, connection))
        if session_url is not None:
            await configure_login(connection, session_url)
        return pending
    finally:
        await connection.close()


async def _take_over(engine: PostgresEngine, connection: PlainConnection, ids: Sequence[str]) -> None:
    """Marks the first migrations as applied, and runs those after them. Keeps nothing of that if the schema differs
    from the one that all migrations build."""
    async with connection.transaction():
        for statement in old_chain.TAKE_OVER:
            await connection.execute(statement)
        for id_ in ids:
            await _run(engine, connection, id_)
        found = catalog.differences(await catalog.read(connection), catalog.expected())
        if found:
            raise MigrationFailed(
                f"The schema is not the one that the database's migrations built: {catalog.listed(found)}. "
                "It was changed by hand: put it back, or restore a backup, then run `guildhall migrate` again."
            )


async def roll_back(engine: PostgresEngine, owner_url: str, id_: str) -> None:
    """Undoes all migrations down to and including this one."""
    connection = await connect(owner_url, timeout=5)
    try:
        await _lock(connection)
        async with _joined(engine, connection):
            from piccolo.apps.migrations.commands.backwards import run_backwards

            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                result = await run_backwards(app_name=APP_NAME, migration_id=id_, auto_agree=True)
            if not result.success:
                raise MigrationFailed(f"Nothing was rolled back: {result.message}")
    finally:
        await connection.close()


async def _lock(connection: PlainConnection) -> None:
    """Waits up to a minute for another migrator. After that no statement waits long for a table's lock."""
    await connection.execute("SET lock_timeout = '60s'")
    await connection.fetchval("SELECT pg_advisory_lock($1)", LOCK)
    await connection.execute(f"SET lock_timeout = {WAIT_MS}")


async def _preview(
    engine: PostgresEngine, connection: PlainConnection, before: Sequence[str], ids: Sequence[str]
) -> list[str]:
    transaction = connection.transaction()
    await transaction.start()
    recorder = Recorder(connection)
    token = engine.current_transaction.set(recorder)  # type: ignore[arg-type] # Piccolo needs no more of it
    try:
        for statement in before:
            await recorder.fetch(statement)
        for id_ in ids:
            await _run_forwards(id_)
    finally:
        engine.current_transaction.reset(token)
        await transaction.rollback()
    return recorder.statements


@contextlib.asynccontextmanager
async def _joined(engine: PostgresEngine, connection: PlainConnection) -> AsyncIterator[None]:
    """A transaction that includes Piccolo's migration and its bookkeeping."""
    async with connection.transaction():
        token = engine.current_transaction.set(Recorder(connection))  # type: ignore[arg-type] # the same
        try:
            yield
        finally:
            engine.current_transaction.reset(token)


async def _run(engine: PostgresEngine, connection: PlainConnection, id_: str) -> None:
    async with _joined(engine, connection):
        await _run_forwards(id_)


async def _run_forwards(id_: str) -> None:
    # Piccolo's migration code imports its code formatter, so a server must not import it at its start.
    from piccolo.apps.migrations.commands.forwards import run_forwards

    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        result = await run_forwards(app_name=APP_NAME, migration_id=id_)
    if not result.success:
        raise MigrationFailed(f"Migration {id_} failed: {result.message} {output.getvalue()}")


async def make_roles(connection: PlainConnection) -> None:
    """Creates the application's and the reading role, if the server lets this log-in do so."""
    may = await connection.fetchval("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    for role in (APP, READ_ONLY):
        if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            continue
        if not may:
            continue
        await connection.execute(f"CREATE ROLE {role} NOLOGIN")
        await connection.execute(f"GRANT {role} TO CURRENT_USER")
        for name, value in ROLE_SETTINGS[role].items():
            await connection.execute(f"ALTER ROLE {role} SET {name} = '{value}'")


async def grant(connection: PlainConnection) -> None:
    """Gives each role its rights and no more. Idempotent."""
    existing = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    statements = ["REVOKE CREATE ON SCHEMA public FROM PUBLIC"]
    for role, rights, sequences in (
        (APP, "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT"),
        (READ_ONLY, "SELECT", "SELECT"),
    ):
        if role not in existing:
            continue
        statements += [
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT {sequences} ON ALL SEQUENCES IN SCHEMA public TO {role}",
        ]
    if APP in existing:
        statements += [f"GRANT EXECUTE ON FUNCTION {function} TO {APP}" for function in CALLED]
        statements += [f"REVOKE {rights} ON {table} FROM {APP}" for table, rights in WITHHELD.items()]
    if READ_ONLY in existing:
        statements += [f"REVOKE ALL ON {table} FROM {READ_ONLY}" for table in SECRET]
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)
