"""The embedded PostgreSQL through starts, stops and kills."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from api.postgres.embedded.server import ENVIRONMENT, EmbeddedPostgres, EmbeddedPostgresError
from tests.operation.embedded.conftest import Holder, Maker, query, runs


@pytest.fixture
def folder(folder: Path, begun: Path) -> Path:
    """With the data of a server in it."""
    subprocess.run(["cp", "-a", begun, folder / "postgres"], check=True)
    return folder


def server_pid(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


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


def test_server_sees_nothing_of_our_environment(folder: Path, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_CLIENT_SECRET", "hidden")
    server = make(folder / "postgres")
    server.start()
    seen = Path(f"/proc/{server.pid}/environ").read_text()
    assert "LANG=C.UTF-8" in seen
    assert "hidden" not in seen


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
