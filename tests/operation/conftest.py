"""Installations to run commands on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.provision import APP
from tests.operation.servers import MEMBER, PROCESS, installation
from tests.support import cluster

NAME = f"commanded_{PROCESS}"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An installation whose embedded database runs, as beside a server: no command has to start and to stop it."""
    with installation() as made:
        postgres = EmbeddedPostgres(made / "data" / "postgres")
        postgres.start()
        try:
            yield made
        finally:
            postgres.stop()


@pytest.fixture
async def own() -> AsyncIterator[str]:
    """A migrated database of one's own, with a log-in that is a member of the application's role."""
    await cluster.clone(NAME)
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await connection.execute(f"DROP ROLE IF EXISTS {MEMBER}")
    await connection.execute(f"CREATE ROLE {MEMBER} {cluster.login()}")
    await connection.execute(f"GRANT {APP} TO {MEMBER}")
    yield NAME
    await cluster.drop(NAME)
    await connection.execute(f"DROP ROLE {MEMBER}")
    await connection.close()
