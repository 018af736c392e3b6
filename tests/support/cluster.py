"""One PostgreSQL for the whole run, with a database for each test process, cloned from the migrated template."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import asyncpg

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import GuildhallEngine
from api.postgres.migrations import migrate
from api.postgres.provision import APP, OWNER, READ_ONLY
from tests.support.postgres16 import Postgres16

TEMPLATE = "guildhall_template"
_FOLDER = "GUILDHALL_TEST_CLUSTER"


class Cluster:
    """The cluster. pytest's first process starts it; its workers find it by the environment."""

    def __init__(self, *, oldest: bool) -> None:
        """`oldest`: the oldest supported PostgreSQL, instead of the embedded one."""
        self._folder = Path(tempfile.mkdtemp(prefix="guildhall-test-"))
        settings = {"max_connections": "300"}
        data_dir = self._folder / "postgres"
        self._server = (
            Postgres16(data_dir, settings=settings)
            if oldest
            else EmbeddedPostgres(data_dir, fast=True, settings=settings)
        )

    def start(self) -> None:
        self._server.start()
        asyncio.run(self._make_template())
        os.environ[_FOLDER] = str(self._folder)

    def stop(self) -> None:
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _make_template(self) -> None:
        connection = await asyncpg.connect(self._server.url("postgres", "postgres"))
        for role in (OWNER, APP, READ_ONLY):
            await connection.execute(f"CREATE ROLE {role} LOGIN")
        await connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
        await connection.close()
        await migrate(_engine(), self._server.url(OWNER, TEMPLATE))


def _engine() -> GuildhallEngine:
    import piccolo_conf

    return piccolo_conf.DB


def folder() -> Path:
    """The run's own: what all its processes share, and what goes when it ends."""
    return Path(os.environ[_FOLDER])


def server() -> EmbeddedPostgres:
    """The cluster's server, from any process of the run."""
    return EmbeddedPostgres(folder() / "postgres", fast=True)


def url(user: str, database: str) -> str:
    """An address in the cluster."""
    return server().url(user, database)


async def clone(name: str, *, template: str | None = TEMPLATE) -> None:
    """Makes a database, by default one that the migrations have built."""
    connection = await asyncpg.connect(url("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        source = f'TEMPLATE "{template}"' if template else ""
        await connection.execute(f'CREATE DATABASE "{name}" {source} OWNER {OWNER}')
    finally:
        await connection.close()


async def drop(name: str) -> None:
    connection = await asyncpg.connect(url("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
