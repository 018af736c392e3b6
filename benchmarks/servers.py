"""The servers under load, one worker each, on one PostgreSQL, and what they use of CPU and memory."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import asyncpg
import msgspec

from api.postgres.embedded.server import ENVIRONMENT, EmbeddedPostgres
from tests.support.discord import API, AUTHORIZE, CLIENT_ID, CLIENT_SECRET

T = TypeVar("T")
_TICK = os.sysconf("SC_CLK_TCK")
_UVICORN = (
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"),
    *("--no-server-header", "--no-proxy-headers"),
)


class Side(msgspec.Struct):
    """A server under load, and the PostgreSQL behind it, with its superuser's address."""

    name: str
    port: int
    pid: int
    postmaster: int
    database: str


@contextlib.contextmanager
def discord() -> Iterator[int]:
    """A stand-in for Discord, for log-ins; its port."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.discord", str(port)], stdout=subprocess.DEVNULL, env=os.environ
    )
    yield from _running(process, lambda: port, port, "/")


@contextlib.contextmanager
def guildhall(folder: Path, server: EmbeddedPostgres, discord_port: int) -> Iterator[tuple[str, Side]]:
    """Guildhall, migrated, with a key that may do everything."""
    environment = {
        **os.environ,
        "GUILDHALL_DATA_DIR": str(folder),
        "GUILDHALL_LOG_FORMAT": "json",
        "GUILDHALL_STREAMS_PER_KEY": "10000",
        "GUILDHALL_DISCORD_CLIENT_ID": CLIENT_ID,
        "GUILDHALL_DISCORD_CLIENT_SECRET": CLIENT_SECRET,
        "GUILDHALL_DISCORD_API_URL": f"http://127.0.0.1:{discord_port}{API}",
        "GUILDHALL_DISCORD_AUTHORIZE_URL": f"http://127.0.0.1:{discord_port}{AUTHORIZE}",
    }
    environment.pop("DATABASE_URL", None)
    port = _free_port()
    log = (folder / "guildhall.log").open("wb")
    made = subprocess.run(
        [sys.executable, "-m", "api", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    assert made.returncode == 0
    made_key = subprocess.run(
        [sys.executable, "-m", "api", "keys", "create", "bench", "--no-rate-limit"],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    key = next(word for word in made_key.stdout.split() if word.startswith("gh_"))
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve"],
        env={**environment, "GUILDHALL_PORT": str(port)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    yield from _running(process, lambda: (key, _side("guildhall", port, process, server)), port, "/health/ready")


@contextlib.contextmanager
def bare(folder: Path, server: EmbeddedPostgres, rows: int) -> Iterator[Side]:
    """Litestar with nothing around it: see `bare.py`."""
    sql = (
        "CREATE TABLE bench_rows"
        " (id int PRIMARY KEY, value jsonb NOT NULL DEFAULT '{}', revision int NOT NULL DEFAULT 0);"
        f"INSERT INTO bench_rows (id) SELECT generate_series(1, {rows})"
    )
    address = owner_url(server)
    subprocess.run([server.binary("psql"), "-q", "-c", sql, address], env=ENVIRONMENT, check=True)
    settings = {"BENCH_BYTES": str(folder / "bytes"), "BENCH_DATABASE_URL": address}
    yield from _uvicorn("bare", ["--factory", "benchmarks.bare:create"], settings, server)


@contextlib.contextmanager
def yardstick(server: EmbeddedPostgres, key: str) -> Iterator[Side]:
    """The ASGI application written by hand: see `yardstick.py`. Its tables must be there."""
    settings = {"BENCH_KEY": key, "BENCH_DATABASE_URL": owner_url(server)}
    yield from _uvicorn("yardstick", ["benchmarks.yardstick:app"], settings, server)


def owner_url(server: EmbeddedPostgres) -> str:
    return server.url("guildhall_owner", "guildhall")


def _uvicorn(name: str, application: list[str], settings: dict[str, str], server: EmbeddedPostgres) -> Iterator[Side]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *application, "--port", str(port), *_UVICORN],
        env={**os.environ, **settings},
    )
    yield from _running(process, lambda: _side(name, port, process, server), port, "/bytes")


def _side(name: str, port: int, process: subprocess.Popen[bytes], server: EmbeddedPostgres) -> Side:
    postmaster = server.pid
    assert postmaster is not None
    return Side(name, port, process.pid, postmaster, server.url("postgres", "guildhall"))


def _running(process: subprocess.Popen[bytes], side: Callable[[], T], port: int, probe: str) -> Iterator[T]:
    try:
        for _ in range(400):
            assert process.poll() is None, "a server ended as it started"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}").read()
                break
            except urllib.error.HTTPError:
                break  # it answers
            except OSError:
                time.sleep(0.05)
        yield side()
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def call(
    side: Side, key: str, method: str, path: str, body: bytes | None = None, *, media: str = "application/json"
) -> bytes:
    """One request, answered with 2xx."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{side.port}{path}",
        body,
        {"Authorization": f"Bearer {key}", "Content-Type": media},
        method=method,
    )
    try:
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{side.name}: {method} {path}: {error.code} {error.read()[:500]!r}") from None


def cpu_seconds(pid: int, *, with_reaped: bool = False) -> float:
    """CPU time that a process has used; with that of its children that have ended."""
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11 : 15 if with_reaped else 13]) / _TICK


def cluster_cpu_seconds(postmaster: int) -> float:
    """CPU time of PostgreSQL: the postmaster, its children, and those that it has reaped."""
    total = cpu_seconds(postmaster, with_reaped=True)
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if _parent(path) == str(postmaster):
                total += cpu_seconds(int(path.name))
    return total


def wal_bytes(side: Side) -> int:
    """How much PostgreSQL has ever written to its log."""

    async def ask() -> int:
        connection = await asyncpg.connect(side.database)
        try:
            return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def keep_apart(side: Side) -> None:
    """The server and its PostgreSQL on the first core, who asks on the others: so that what is measured is what they
    do, and not how the system shares a core between who asks and who answers."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return
    children = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == str(side.postmaster)]
    for pid in (side.pid, side.postmaster, *children):
        with contextlib.suppress(OSError):  # it ended meanwhile
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores[:1])
    os.sched_setaffinity(0, cores[1:])


def _parent(path: Path) -> str:
    try:
        return _stat(int(path.name))[1]
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on: [1] is the parent, [11:15] are the times."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def memory(pid: int) -> float:
    """Resident memory in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
