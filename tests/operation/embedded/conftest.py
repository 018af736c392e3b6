"""Servers that are stopped after the test, and processes that use them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

import asyncpg
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from tests.operation.servers import private_folder

Holder: TypeAlias = Callable[[Path], "subprocess.Popen[str]"]


class Maker(Protocol):
    def __call__(self, data_dir: Path, *, fast: bool = True) -> EmbeddedPostgres: ...


HOLDER = """
import sys, time
from pathlib import Path
from api.postgres.embedded.server import EmbeddedPostgres
from tests.operation.servers import private_folder
server = EmbeddedPostgres(Path(sys.argv[1]), fast=True)
server.start()
print(server.pid, flush=True)
sys.stdin.readline()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder."""
    with private_folder() as made:
        yield made


@pytest.fixture(scope="session")
def begun() -> Iterator[Path]:
    """The data of a server that has run once, to be copied: to make them takes seconds."""
    with private_folder() as made:
        server = EmbeddedPostgres(made / "postgres", fast=True)
        server.start()
        server.stop()
        yield server.data_dir


@pytest.fixture
def make() -> Iterator[Maker]:
    """Makes servers that are stopped after the test."""
    made: list[EmbeddedPostgres] = []

    def maker(data_dir: Path, *, fast: bool = True) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(data_dir, fast=fast))
        return made[-1]

    yield maker
    for server in made:
        server.stop()


@pytest.fixture
def holder() -> Iterator[Holder]:
    """Starts another process that uses the server until it reads a line."""
    made: list[subprocess.Popen[str]] = []

    def start(data_dir: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLDER, str(data_dir)]
        made.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return made[-1]

    yield start
    for process in made:
        process.communicate()


async def query(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def runs(server: EmbeddedPostgres) -> bool:
    return server.running
