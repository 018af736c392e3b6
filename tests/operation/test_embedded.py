"""The embedded PostgreSQL through starts, stops, kills and folders that are not as they should be."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeAlias

import asyncpg
import pytest

from api.postgres.embedded.server import ENVIRONMENT, EmbeddedPostgres, EmbeddedPostgresError

Holder: TypeAlias = Callable[[Path], "subprocess.Popen[str]"]


class Maker(Protocol):
    def __call__(self, data_dir: Path, *, fast: bool = True) -> EmbeddedPostgres: ...


HOLDER = """
import sys, time
from pathlib import Path
from api.postgres.embedded.server import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), fast=True)
server.start()
print(server.pid, flush=True)
sys.stdin.readline()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder. Not tmp_path: each new pytest takes the execute bit, which a server of
    another user needs, from the folder above it again."""
    made = Path(tempfile.mkdtemp(prefix="guildhall-test-"))
    yield made
    shutil.rmtree(made)


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


def server_pid(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


async def query(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def runs(server: EmbeddedPostgres) -> bool:
    return server.running


def owner(path: Path) -> int:
    return path.stat().st_uid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_data_outlive_a_restart(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    await query(server, "CREATE TABLE kept AS SELECT 'Grüße' AS word")
    first = server.pid
    server.start()
    assert server.pid == first

    server.stop()
    assert not runs(server)
    assert server.pid is None
    server.stop()
    server.start()

    assert server.pid != first
    assert await query(server, "SELECT word FROM kept") == "Grüße"


async def test_cluster_depends_on_no_locale_of_the_machine(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    locale = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'postgres'"
    assert await query(server, locale) == "b C.UTF-8"
    assert await query(server, "SHOW server_encoding") == "UTF8"
    assert await query(server, "SHOW data_checksums") == "on"
    assert await query(server, "SHOW timezone") == "UTC"


async def test_server_of_a_killed_process_is_adopted_and_stopped(folder: Path, make: Maker, holder: Holder) -> None:
    process = holder(folder / "postgres")
    left = server_pid(process)
    process.kill()
    process.wait()
    server = make(folder / "postgres")
    assert runs(server)

    server.start()
    assert server.pid == left
    assert await query(server, "SELECT 1") == 1
    server.stop()

    assert not runs(server)
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_last_of_two_processes_stops_the_server(folder: Path, make: Maker, holder: Holder) -> None:
    server = make(folder / "postgres")
    server.start()
    other = holder(folder / "postgres")
    assert server_pid(other) == server.pid

    server.stop()
    assert runs(server)

    other.communicate("\n")
    assert other.returncode == 0
    assert not runs(server)


def test_simultaneous_starts_share_one_server(folder: Path, make: Maker) -> None:
    servers = [make(folder / "postgres") for _ in range(4)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(EmbeddedPostgres.start, servers))
    assert len({server.pid for server in servers}) == 1
    assert servers[0].log.read_text().count("ready to accept connections") == 1


async def test_killed_server_loses_nothing_committed(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres", fast=False)
    server.start()
    await query(server, "CREATE TABLE kept AS SELECT 1 AS number")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while runs(server) and time.monotonic() < deadline:
        time.sleep(0.01)  # noqa: ASYNC251  nothing else runs here

    server.start()
    assert await query(server, "SELECT number FROM kept") == 1


def test_number_of_a_dead_server_that_is_another_process_now(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    # Of the server's user, neither PostgreSQL nor its parent: what PostgreSQL itself gives up at.
    user = pid_file.parent.stat()
    other = subprocess.Popen(["sleep", "60"], user=user.st_uid, group=user.st_gid, cwd="/")
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert not runs(server)
        server.stop()
        server.start()
        assert runs(server)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


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


async def test_address_outlives_a_crash(folder: Path, make: Maker) -> None:
    server = make(folder / ("long" * 30) / "postgres")
    server.start()
    url, pid = server.url("postgres", "postgres"), server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while runs(server):
        time.sleep(0.01)  # noqa: ASYNC251  nothing else runs here
    server.start(existing=True)
    assert (server.url("postgres", "postgres"), await query(server, "SELECT 1")) == (url, 1)


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


def test_no_tcp_port_is_opened(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    opened: set[str] = set()
    for path in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            opened.add(os.readlink(path))  # noqa: PTH115  no path
    listening = {
        f"socket:[{line.split()[9]}]"
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{server.pid}/net/{table}").read_text().splitlines()[1:]
    }
    assert any(name.startswith("socket:") for name in opened)
    assert not opened & listening


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


def test_server_sees_nothing_of_our_environment(folder: Path, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_CLIENT_SECRET", "hidden")
    server = make(folder / "postgres")
    server.start()
    seen = Path(f"/proc/{server.pid}/environ").read_text()
    assert "LANG=C.UTF-8" in seen
    assert "hidden" not in seen


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


def test_error_shows_the_end_of_the_log(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres", fast=True, settings={"max_connections": "many"})
    with pytest.raises(EmbeddedPostgresError, match=r'ended as it started.*\n.*"max_connections".*many'):
        server.start()
    assert not runs(server)
    with pytest.raises(EmbeddedPostgresError, match="No PostgreSQL is running"):
        server.url("postgres", "postgres")


def test_ctrl_c_is_not_for_the_server(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    assert server.pid is not None
    assert os.getpgid(server.pid) != os.getpgid(0)
    assert os.getsid(server.pid) != os.getsid(0)


def test_programs_run_with_the_url(folder: Path, make: Maker) -> None:
    server = make(folder / "postgres")
    server.start()
    command = [str(server.binary("pg_dump")), "--create", server.url("postgres", "postgres")]
    dump = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "CREATE DATABASE postgres" in dump.stdout
