"""`make bench`: Guildhall against a bare Litestar handler, in turn, in one run, one worker each."""

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from api.embedded import EmbeddedPostgres
from benchmarks.load import Outcome, Work

CONNECTIONS = 32
SECONDS = 3.0
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GUILDS = 64
FIRST_GUILD = 81384788765712384


T = TypeVar("T")


class Side(msgspec.Struct):
    """A server under load."""

    name: str
    port: int
    pid: int


class Measured(msgspec.Struct):
    """One round of one side."""

    rate: float
    p50: float
    p99: float
    cpu: float


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="guildhall-bench-"))
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(server.stop)
        key, guildhall = stack.enter_context(_guildhall(folder, server))
        headers = f"Host: bench\r\nAuthorization: Bearer {key}\r\n"
        for number in range(GUILDS):
            _call(guildhall.port, key, "PUT", f"/v1/guilds/{FIRST_GUILD + number}", b'{"name": "Bench"}')
        path = f"/v1/guilds/{FIRST_GUILD}/settings/leveling"
        (folder / "bytes").write_bytes(_call(guildhall.port, key, "GET", path, None))
        bare = stack.enter_context(_bare(folder, server))
        print(f"{os.cpu_count()} cores, {CONNECTIONS} connections, one worker, {ROUNDS} rounds of {SECONDS} s each\n")
        _compare(
            "GET settings/leveling, with a key",
            (bare, [f"GET /bytes HTTP/1.1\r\n{headers}\r\n"]),
            (guildhall, [f"GET {path} HTTP/1.1\r\n{headers}\r\n"]),
        )
        _compare(
            "PATCH one value, with history and audit",
            (bare, [_patch(f"/row/{1 + n % GUILDS}", headers, n) for n in range(640)]),
            (
                guildhall,
                [_patch(f"/v1/guilds/{FIRST_GUILD + n % GUILDS}/settings/leveling", headers, n) for n in range(640)],
            ),
        )
        print(f"memory of the worker: {_memory(guildhall.pid):.0f} MiB; of the bare one: {_memory(bare.pid):.0f} MiB")
        urllib.request.urlopen(f"http://127.0.0.1:{guildhall.port}/admin/").read()
        print(f"memory of the worker after the admin was opened: {_memory(guildhall.pid):.0f} MiB")


def _patch(path: str, headers: str, number: int) -> str:
    body = f'{{"cooldown_seconds": {number % 3600}}}'
    return (
        f"PATCH {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def _compare(title: str, bare: tuple[Side, list[str]], guildhall: tuple[Side, list[str]]) -> None:
    rounds: dict[str, list[Measured]] = {"bare": [], "guildhall": []}
    for _ in range(ROUNDS + 1):
        for side, requests in (bare, guildhall):
            rounds[side.name].append(_measure(side, requests))
    print(title)
    for name, measured in rounds.items():
        del measured[0]  # the first round warms caches and the pool up
        print(
            f"  {name:<10} {_median(measured, 'rate'):8.0f} /s   p50 {_median(measured, 'p50'):6.2f} ms"
            f"   p99 {_median(measured, 'p99'):6.2f} ms   {_median(measured, 'cpu'):6.0f} µs of CPU a request"
        )
    pairs = list(zip(rounds["guildhall"], rounds["bare"], strict=True))
    rates = [ours.rate / theirs.rate for ours, theirs in pairs]
    tails = [ours.p99 / theirs.p99 for ours, theirs in pairs]
    print(f"  rate  {_spread(rates)} of the bare handler's")
    print(f"  p99   {_spread(tails)} of the bare handler's\n", flush=True)


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})"


def _median(measured: list[Measured], field: str) -> float:
    return float(statistics.median(getattr(one, field) for one in measured))


def _measure(side: Side, requests: list[str]) -> Measured:
    before = _cpu_seconds(side.pid)
    work = Work(side.port, CONNECTIONS, SECONDS, requests)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=msgspec.json.encode(work), stdout=subprocess.PIPE, check=True
    )
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    assert not outcome.wrong, f"{outcome.wrong} of {outcome.answers} answers of {side.name} were refusals"
    cpu = (_cpu_seconds(side.pid) - before) / outcome.answers * 1e6
    return Measured(outcome.rate, outcome.p50, outcome.p99, cpu)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Resident memory in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def _guildhall(folder: Path, server: EmbeddedPostgres) -> Iterator[tuple[str, Side]]:
    environment = {**os.environ, "GUILDHALL_DATA_DIR": str(folder), "GUILDHALL_LOG_FORMAT": "json"}
    environment.pop("DATABASE_URL", None)
    port = _free_port()
    log = (folder / "guildhall.log").open("wb")
    made = subprocess.run(
        [sys.executable, "-m", "api", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    assert made.returncode == 0
    made_key = subprocess.run(
        [sys.executable, "-m", "api", "keys", "create", "bench", "--rate-limit", "1000000"],
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
    yield from _running(process, lambda: (key, Side("guildhall", port, process.pid)), port, "/health/ready")


@contextlib.contextmanager
def _bare(folder: Path, server: EmbeddedPostgres) -> Iterator[Side]:
    address = server.url("guildhall_owner", "guildhall")
    sql = (
        "CREATE TABLE bench_rows"
        " (id int PRIMARY KEY, value jsonb NOT NULL DEFAULT '{}', revision int NOT NULL DEFAULT 0);"
        f"INSERT INTO bench_rows (id) SELECT generate_series(1, {GUILDS})"
    )
    subprocess.run([server.binary("psql"), "-q", "-c", sql, address], check=True)
    port = _free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "--factory", "benchmarks.bare:create", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"),
        ],
        env={**os.environ, "BENCH_BYTES": str(folder / "bytes"), "BENCH_DATABASE_URL": address},
    )
    yield from _running(process, lambda: Side("bare", port, process.pid), port, "/bytes")


def _running(process: subprocess.Popen[bytes], side: Callable[[], T], port: int, probe: str) -> Iterator[T]:
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}").read()
                break
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


def _call(port: int, key: str, method: str, path: str, body: bytes | None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        body,
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
        return content


if __name__ == "__main__":
    main()
