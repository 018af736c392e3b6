"""A backup and a restore: PostgreSQL's own tools, one file."""

import os
import subprocess
from pathlib import Path

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from api.config import Settings
from api.embedded import ENVIRONMENT, find_binaries
from api.migrations import migrate
from api.provision import Located


class BackupFailed(Exception):
    """The tool's own words."""


def backup(found: Located, file: Path) -> None:
    """Writes a consistent copy of the whole database, readable by its owner alone. Raises `BackupFailed`."""
    file.touch(mode=0o600)
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={file}", found.owner_url)


async def restore(engine: PostgresEngine, settings: Settings, found: Located, file: Path) -> None:
    """Replaces everything by the file, all of it or nothing, then migrates. Raises `BackupFailed`."""
    connection = await asyncpg.connect(found.owner_url)
    try:
        users = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'guildhall'"
            " AND datname = current_database()"
        )
    finally:
        await connection.close()
    if users:
        raise BackupFailed("A server uses this database. Stop it first, then restore.")
    _run(
        "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={found.owner_url}",
        str(file),
    )
    await migrate(engine, found.owner_url)


def _run(program: str, *arguments: str) -> None:
    """The address stands in no process list: it goes by the environment."""
    done = subprocess.run(  # noqa: S603 - our own words, and an address from the configuration
        [find_binaries() / program, *arguments],
        env={**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")
