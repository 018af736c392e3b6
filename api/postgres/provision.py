"""Finds the database or starts the embedded one, and creates the three roles.

`guildhall_owner` owns the tables and migrates, `guildhall_app` reads and writes rows, `guildhall_readonly` reads.
Nobody else may create anything in `public`."""

import asyncio
import atexit
import secrets
from functools import cache
from pathlib import Path

import asyncpg
import msgspec

from api.config import Settings, load
from api.postgres.connections import SESSION, connect
from api.postgres.embedded.server import EmbeddedPostgres

DATABASE = "guildhall"
OWNER, APP, READ_ONLY = "guildhall_owner", "guildhall_app", "guildhall_readonly"

# By role: bounds for one statement or one forgotten transaction; for the application, also `jit` (see
# `api.postgres.connections`).
ROLE_SETTINGS = {
    APP: {"statement_timeout": "5s", "lock_timeout": "1s", "idle_in_transaction_session_timeout": "10s", **SESSION},
    OWNER: {"lock_timeout": "4s", "idle_in_transaction_session_timeout": "60s"},
    READ_ONLY: {
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "10s",
        "default_transaction_read_only": "on",
    },
}


_THERE = "SELECT 1 FROM pg_database WHERE datname = $1"


class Located(msgspec.Struct, frozen=True):
    """The database's addresses, for the owner, for the application, and for sessions of the application's log-in.
    `embedded` is set if we run the server."""

    owner_url: str
    app_url: str
    session_url: str
    embedded: EmbeddedPostgres | None = None


@cache
def locate(settings: Settings | None = None) -> Located:
    """The location of the database of these settings, or of the environment. Starts the embedded server, and stops it
    when this process ends. Do not call it in the thread of an event loop."""
    settings = settings or load()
    if settings.database_url is not None:
        session_url = settings.session_database_url or settings.database_url
        return Located(settings.owner_database_url or session_url, settings.database_url, session_url)
    settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = EmbeddedPostgres(settings.data_path / "postgres")
    server.start()
    atexit.register(server.stop)
    asyncio.run(_found(server))
    app_url = server.url(APP, DATABASE)
    return Located(server.url(OWNER, DATABASE), app_url, app_url, server)


async def _found(server: EmbeddedPostgres) -> None:
    """Makes the roles and the database of a new embedded server."""
    connection = await connect(server.url("postgres", "postgres"))
    try:
        if await connection.fetchval(_THERE, DATABASE):
            return
        # Two first starts may meet here, and an earlier one may have been killed half-way.
        await connection.execute("SELECT pg_advisory_lock(1)")
        if await connection.fetchval(_THERE, DATABASE):
            return
        roles = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
        for role, values in ROLE_SETTINGS.items():
            if role not in roles:
                await connection.execute(f"CREATE ROLE {role} LOGIN")
            for name, value in values.items():
                await connection.execute(f"ALTER ROLE {role} SET {name} = '{value}'")
        await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    finally:
        await connection.close()


def unreachable(error: Exception) -> str:
    """A sentence about a database that refuses the connection, without the password."""
    if isinstance(error, ValueError):
        return (
            "DATABASE_URL is no address of a database. It looks like postgresql://name:password@host:5432/guildhall; "
            "characters such as @ and / in a password are written %40 and %2F."
        )
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return (
            "The database cannot be used: it takes no writes, because it is a replica or is set to be read-only. Name "
            "the leader in DATABASE_URL, or all hosts that may be the leader, with commas between them."
        )
    about = str(error) or type(error).__name__
    if "startup parameter" in about:
        return (
            f"A pooler stands in front of the database, and refuses what is asked for at connecting ({about}). "
            "Migrations, backups and restores need PostgreSQL itself: set GUILDHALL_OWNER_DATABASE_URL to its address. "
            "The server needs a log-in that is not the owner's."
        )
    return (
        f"The database cannot be used: {about.rstrip('.')}. Is DATABASE_URL right, does PostgreSQL run, "
        "does pg_hba.conf let this log-in in?"
    )


def secrets_of(settings: Settings) -> list[str]:
    """The signing secret, and the previous one."""
    current = settings.secret or made_secret(settings.data_path)
    return [current] if settings.secret_previous is None else [current, settings.secret_previous]


def made_secret(folder: Path) -> str:
    """The secret of an installation without a configured one: generated once, stored beside the data."""
    path = folder / "secret"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = secrets.token_hex(32)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        temporary.touch(mode=0o600)
        temporary.write_text(secret, encoding="ascii")
        try:
            # Two processes may get here at once: the first link wins, and both read it.
            path.hardlink_to(temporary)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        return path.read_text(encoding="ascii").strip()
