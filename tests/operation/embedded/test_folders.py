"""The folder of the embedded PostgreSQL: its path, its rights, and what it holds already."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from api.postgres.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from tests.operation.embedded.conftest import Maker, query, runs


def owner(path: Path) -> int:
    return path.stat().st_uid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_path_too_long_for_a_socket(folder: Path, make: Maker) -> None:
    server = make(folder / ("long" * 30) / "postgres")
    server.start()
    assert await query(server, "SELECT 1") == 1
    sockets = Path(str(await query(server, "SHOW unix_socket_directories")))
    assert not sockets.is_relative_to(folder)
    assert mode(sockets) == 0o700

    adopter = make(server.data_dir)
    adopter.start()
    assert await query(adopter, "SELECT 1") == 1
    server.stop()
    adopter.stop()
    with pytest.raises(FileNotFoundError):
        mode(sockets)


def test_nothing_is_made_in_the_place_of_data_that_were_there(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    with pytest.raises(EmbeddedPostgresError, match="no data of PostgreSQL"):
        server.start(existing=True)
    assert not server.data_dir.exists()


async def test_path_that_a_connection_uri_would_split(folder: Path, make: Maker) -> None:
    server = make(folder / "a,b é?&#" / "post gres")
    server.start()
    assert await query(server, "SELECT 1") == 1


async def test_only_the_servers_user_reaches_the_socket(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    sockets = Path(str(await query(server, "SHOW unix_socket_directories")))
    assert mode(sockets) == 0o700
    assert mode(sockets / ".s.PGSQL.5432") == 0o700
    assert server.pid is not None
    assert owner(sockets) == owner(Path(f"/proc/{server.pid}"))
    assert mode(server.log) == 0o600


def test_root_opens_a_private_folder_for_passing_only(folder: Path, make: Maker) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL as somebody else")
    private = folder / "private"
    private.mkdir(mode=0o700)
    server = make(private / "postgres")
    server.start()
    assert mode(private) == 0o701
    assert mode(folder) == 0o701
    assert {private, folder} <= set(server.opened)
    assert server.pid is not None
    assert owner(Path(f"/proc/{server.pid}")) != 0

    again = make(private / "postgres")
    again.start()
    assert again.opened == []


def test_what_an_interrupted_initdb_left_is_set_aside(folder: Path, make: Maker) -> None:
    half = folder / "postgres"
    (half / "base" / "1").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    make(folder / "other").start()
    shutil.chown(half, owner(folder / "other"))
    (folder / "postgres.initdb-killed").mkdir()

    server = make(half)
    server.start()

    assert runs(server)
    assert [path.name for path in folder.glob("postgres.incomplete-*/*")] != []
    assert list(folder.glob("postgres.initdb-*")) == []


def test_folder_of_other_things_is_left_alone(folder: Path, make: Maker) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "letter.txt").write_text("dear")
    make(folder / "postgres").start()
    shutil.chown(folder / "home", owner(folder / "postgres"))
    with pytest.raises(EmbeddedPostgresError, match="neither empty nor a whole"):
        make(folder / "home").start()
    assert (folder / "home" / "letter.txt").read_text() == "dear"


def test_data_of_another_version_are_left_alone(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    server.stop()
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 16, .*`guildhall backup`"):
        server.start()
    (folder / "postgres" / "PG_VERSION").write_text("18\n")
    server.start()
    assert runs(server)
