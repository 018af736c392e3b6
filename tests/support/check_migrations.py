"""`make check`: lints the migrations, and compares their result with the declarations of the tables.

Prints the faults and exits with 1. Uses a temporary PostgreSQL of its own."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg

import piccolo_conf
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.migrations import known, migrate
from api.postgres.provision import APP, DATABASE, OWNER, READ_ONLY
from tables.declared import TABLES
from tests.support.declarations import differences
from tests.support.scratch import scratch_folder

ROOT = Path(__file__).parents[2]


def main() -> None:
    folder = scratch_folder()
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    try:
        server.start()
        statements, wrong = asyncio.run(migrated(server))
        wrong += lint(statements, folder / "migrations.sql")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(known())} migrations: linted, and they make what the tables declare")


async def migrated(server: EmbeddedPostgres) -> tuple[list[str], list[str]]:
    """The SQL for an empty database, and the differences between the result and the declarations."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    for role in (OWNER, APP, READ_ONLY):
        await connection.execute(f"CREATE ROLE {role} LOGIN")
    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    await connection.close()
    url = server.url(OWNER, DATABASE)
    statements = await migrate(piccolo_conf.DB, url, dry_run=True)
    await migrate(piccolo_conf.DB, url)
    connection = await asyncpg.connect(url)
    wrong = [each for table in TABLES for each in await differences(connection, table)]
    await connection.close()
    return statements, [f"The migrations do not make what the tables declare: {each}" for each in wrong]


def lint(statements: list[str], file: Path) -> list[str]:
    """The findings of squawk. `.squawk.toml` excludes some, each with its reason."""
    if not statements:
        return ["The dry run of the migrations printed nothing."]
    file.write_text("\n".join(statements) + "\n", encoding="utf-8")
    squawk = Path(sys.executable).with_name("squawk")
    command = [str(squawk), f"--config={ROOT / '.squawk.toml'}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


if __name__ == "__main__":
    main()
