"""`make check`: the migrations are linted, and nothing in the tables waits for one.

Prints what is wrong and exits with 1. Takes a throwaway PostgreSQL of its own.
"""

import asyncio
import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
from piccolo.apps.migrations.commands.new import AutoMigrationManager

import piccolo_conf
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.migrations import known, migrate
from api.postgres.provision import APP, DATABASE, OWNER, READ_ONLY
from tables.piccolo_app import APP_CONFIG

ROOT = Path(__file__).parents[2]


def main() -> None:
    wrong = asyncio.run(waiting_changes())
    folder = Path(tempfile.mkdtemp(prefix="guildhall-check-"))
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    try:
        server.start()
        wrong += lint(asyncio.run(planned(server)), folder / "migrations.sql")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(known())} migrations: linted, and the tables ask for no other")


async def waiting_changes() -> list[str]:
    """What Piccolo's own comparison of tables and migrations would put into a new migration."""
    with contextlib.redirect_stdout(io.StringIO()):  # Piccolo's own counts
        found = await AutoMigrationManager().get_alter_statements(APP_CONFIG)
    statements = [statement for group in found for statement in group.statements]
    if not statements:
        return []
    return ["The tables have changed and no migration says so: piccolo migrations new guildhall --auto", *statements]


async def planned(server: EmbeddedPostgres) -> list[str]:
    """The SQL that an empty database would get."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    for role in (OWNER, APP, READ_ONLY):
        await connection.execute(f"CREATE ROLE {role} LOGIN")
    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    await connection.close()
    return await migrate(piccolo_conf.DB, server.url(OWNER, DATABASE), dry_run=True)


def lint(statements: list[str], file: Path) -> list[str]:
    """What squawk says of them, by the exclusions in `.squawk.toml`, each of which has its reason there."""
    if not statements:
        return ["The dry run of the migrations printed nothing."]
    file.write_text("\n".join(statements) + "\n", encoding="utf-8")
    squawk = Path(sys.executable).with_name("squawk")
    command = [str(squawk), f"--config={ROOT / '.squawk.toml'}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


if __name__ == "__main__":
    main()
