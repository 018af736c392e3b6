"""One PostgreSQL for the whole run, with a database for each test process, cloned from the migrated template."""

import asyncio
import os
import secrets
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg

from api.postgres.access import configure_login
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import GuildhallEngine
from api.postgres.migrations import migrate
from api.postgres.provision import APP, OWNER, READ_ONLY
from tests.support.postgres16 import Postgres16
from tests.support.scratch import scratch_folder

TEMPLATE = "guildhall_template"
ROLES = (OWNER, APP, READ_ONLY)
_FOLDER, _NAMED, _PASSWORD = "GUILDHALL_TEST_CLUSTER", "GUILDHALL_TEST_SERVER", "GUILDHALL_TEST_PASSWORD"
_OURS = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1"


class NotForTests(Exception):
    """The named server cannot be used for tests; the message says why."""


class Cluster:
    """The cluster. pytest's first process starts it; its workers find it by the environment."""

    def __init__(self, *, oldest: bool, named: str | None) -> None:
        """`oldest`: the oldest supported PostgreSQL, instead of the embedded one. `named`: the address of a superuser
        of a server that runs already."""
        self._folder = scratch_folder()
        settings = {"max_connections": "300"}
        data_dir = self._folder / "postgres"
        self._server: EmbeddedPostgres | None = None
        os.environ[_FOLDER] = str(self._folder)
        if named is not None:
            os.environ |= {_NAMED: named, _PASSWORD: secrets.token_hex(16)}
        elif oldest:
            self._server = Postgres16(data_dir, settings=settings)
        else:
            self._server = EmbeddedPostgres(data_dir, fast=True, settings=settings)

    def start(self) -> None:
        if self._server is not None:
            self._server.start()
        asyncio.run(self._make_template())

    def stop(self) -> None:
        if self._server is None:
            asyncio.run(self._clean_up())
        else:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _make_template(self) -> None:
        connection = await asyncpg.connect(url("postgres", "postgres"))
        if there := [row[0] for row in await connection.fetch(_OURS, list(ROLES))]:
            raise NotForTests(
                f"The server has {', '.join(there)}: an installation of Guildhall, or what a test run left. Name a "
                "server that has none, since the tests change these roles, and drop them at the end."
            )
        for role in ROLES:
            await connection.execute(f"CREATE ROLE {role} {login()}")
        await connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
        await connection.close()
        await migrate(_engine(), url(OWNER, TEMPLATE))

    async def _clean_up(self) -> None:
        """Leaves a server that is not ours as it was."""
        connection = await asyncpg.connect(url("postgres", "postgres"))
        owned = "SELECT datname FROM pg_database WHERE datdba = $1::regrole"
        for row in await connection.fetch(owned, OWNER):
            await connection.execute(f'DROP DATABASE "{row[0]}" WITH (FORCE)')
        for role in ROLES:
            await connection.execute(f"DROP ROLE {role}")
        await connection.close()


def _engine() -> GuildhallEngine:
    import piccolo_conf

    return piccolo_conf.DB


def folder() -> Path:
    """The run's own: what all its processes share, and what goes when it ends."""
    return Path(os.environ[_FOLDER])


def server() -> EmbeddedPostgres:
    """The cluster's server, from any process of the run. For a named one, only its programs."""
    return EmbeddedPostgres(folder() / "postgres", fast=True)


def url(user: str, database: str) -> str:
    """An address in the cluster. `postgres`: the superuser, whatever the name of a named server's."""
    named = os.environ.get(_NAMED)
    if named is None:
        return server().url(user, database)
    parts = urlsplit(named)
    if user != "postgres":
        place = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{quote(user)}:{os.environ[_PASSWORD]}@{place}")
    return parts._replace(path=f"/{quote(database)}").geturl()


def login() -> str:
    """What makes a role a log-in, with the password that addresses have, if the server asks for one."""
    return f"LOGIN PASSWORD '{os.environ[_PASSWORD]}'" if _PASSWORD in os.environ else "LOGIN"


async def clone(name: str, *, template: str | None = TEMPLATE) -> None:
    """Makes a database, by default one that the migrations have built."""
    connection = await asyncpg.connect(url("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        source = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        await connection.execute(f'CREATE DATABASE "{name}" {source} OWNER {OWNER}')
        if template:
            await configure_login(connection, url(APP, name))
    finally:
        await connection.close()


async def drop(name: str) -> None:
    connection = await asyncpg.connect(url("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
