"""`make check`: lints the migrations, and compares their result with the declarations of the tables.

Migrations after the last release are linted by themselves and more strictly: their tables are in use, and servers of
that release read them meanwhile. Prints the faults and exits with 1. Uses a temporary PostgreSQL of its own."""

import asyncio
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import asyncpg

import piccolo_conf
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.migrations import known, migrate, roll_back
from api.postgres.provision import APP, DATABASE, OWNER, READ_ONLY
from tables.declared import TABLES
from tests.support.declarations import differences
from tests.support.releases import RELEASES
from tests.support.scratch import scratch_folder

ROOT = Path(__file__).parents[2]


def main() -> None:
    folder = scratch_folder()
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    try:
        server.start()
        made = asyncio.run(migrated(server))
        wrong = made.wrong + lint(made.statements, folder, ROOT / ".squawk.toml")
        if made.later:
            wrong += lint(made.later, folder, strict_config(folder))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(known())} migrations: linted, and they make what the tables declare")


class Made(NamedTuple):
    """The SQL for an empty database and for one of the last release, and how the result differs from the
    declarations."""

    statements: list[str]
    later: list[str]
    wrong: list[str]


async def migrated(server: EmbeddedPostgres) -> Made:
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
    later = []
    if unreleased := [id_ for id_ in known() if id_ > RELEASES[-1].last]:
        await roll_back(piccolo_conf.DB, url, unreleased[0])
        later = await migrate(piccolo_conf.DB, url, dry_run=True)
    return Made(statements, later, [f"The migrations do not make what the tables declare: {each}" for each in wrong])


def strict_config(folder: Path) -> Path:
    """`.squawk.toml` without the exceptions for migrations whose servers are stopped."""
    usual = tomllib.loads((ROOT / ".squawk.toml").read_text())
    excluded = [rule for rule in usual["excluded_rules"] if not rule.startswith("ban-")]
    file = folder / "strict.toml"
    file.write_text(
        f"pg_version = {json.dumps(usual['pg_version'])}\nassume_in_transaction = true\n"
        f"excluded_rules = {json.dumps(excluded)}\n"
    )
    return file


def lint(statements: list[str], folder: Path, config: Path) -> list[str]:
    """The findings of squawk. The configuration excludes some, each with its reason."""
    if not statements:
        return ["The dry run of the migrations printed nothing."]
    file = folder / "migrations.sql"
    file.write_text("\n".join(statements) + "\n", encoding="utf-8")
    squawk = Path(sys.executable).with_name("squawk")
    command = [str(squawk), f"--config={config}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


if __name__ == "__main__":
    main()
