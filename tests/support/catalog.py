"""The schema that the migrations build, for `guildhall doctor`. `python -m tests.support.catalog` writes it; with
`--check` it compares the file instead, and exits with 1 if it differs."""

import asyncio
import shutil
import sys

import asyncpg

import piccolo_conf
from api.postgres import catalog
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.migrations import migrate
from api.postgres.provision import APP, DATABASE, OWNER, READ_ONLY
from tests.support.scratch import scratch_folder


async def built(server: EmbeddedPostgres) -> catalog.Catalog:
    """The catalog after all migrations, in an empty server."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    for role in (OWNER, APP, READ_ONLY):
        await connection.execute(f"CREATE ROLE {role} LOGIN")
    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    await connection.close()
    await migrate(piccolo_conf.DB, server.url(OWNER, DATABASE))
    connection = await asyncpg.connect(server.url(OWNER, DATABASE))
    try:
        return await catalog.read(connection)
    finally:
        await connection.close()


def main() -> None:
    folder = scratch_folder()
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    try:
        server.start()
        content = catalog.written(asyncio.run(built(server)))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if "--check" not in sys.argv:
        catalog.FILE.write_bytes(content)
    elif content != catalog.FILE.read_bytes():
        sys.exit("The migrations build another schema than `guildhall doctor` expects: make catalog")


if __name__ == "__main__":
    main()
