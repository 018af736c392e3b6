"""Servers as an operator starts them: processes of their own, on sockets, with the whole command line."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

SECRET = "0123456789abcdef" * 4
READY_SECONDS = 60

# Databases and log-ins in the cluster that all test processes share.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "one")
MEMBER = f"plain_{PROCESS}"


class Server:
    """One `guildhall serve`. What it says goes to two files, so that it never waits for a reader."""

    def __init__(self, folder: Path, environ: Mapping[str, str], arguments: tuple[str, ...]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.folder = folder
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._out, self._err = folder / f"{self.port}.out", folder / f"{self.port}.err"
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api", "serve", *arguments],
                env={**environ, "GUILDHALL_PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything that it has printed and logged."""
        return self._out.read_text() + self._err.read_text()

    @property
    def key(self) -> str:
        """The first key, as the terminal showed it."""
        found = re.search(r"First key +(gh_\w+)", self.said)
        assert found is not None, self.said
        return found[1]

    def log(self) -> list[dict[str, Any]]:  # Any: whatever a line says
        """The lines of its log; everything else is words for a person."""
        return [json.loads(line) for line in self._out.read_text().splitlines() if line.startswith("{")]

    def wait(self) -> None:
        """Returns when it is ready."""

        def ready() -> bool:
            assert self.process.poll() is None, self.said
            try:
                return httpx.get(f"{self.base_url}/health/ready").status_code == 200
            except httpx.TransportError:
                return False

        until(ready, READY_SECONDS, lambda: self.said)

    def stop(self, number: int = signal.SIGTERM, *, within: float = 15) -> int:
        """Sends the signal; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=within)

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=10)


def until(happened: Callable[[], bool], seconds: float, told: Callable[[], object] = lambda: "") -> float:
    """Waits until it happened; gives the seconds that it took."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {told()}"
        time.sleep(0.03)
    return time.monotonic() - started


@contextmanager
def private_folder() -> Iterator[Path]:
    """Not tmp_path: pytest takes from the folder above it the bit by which PostgreSQL's user passes."""
    folder = Path(tempfile.mkdtemp(prefix="guildhall-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, **values: str) -> dict[str, str]:
    """Variables for an installation in that folder, and none of this process's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUILDHALL_", "DATABASE_"))}
    ours = {"GUILDHALL_DATA_DIR": str(folder / "data"), "GUILDHALL_LOG_FORMAT": "json", "GUILDHALL_SECRET": SECRET}
    return clean | ours | values


@contextmanager
def serving(folder: Path, *arguments: str, **values: str) -> Iterator[Server]:
    """A server that is ready; killed at the end if it still runs."""
    server = Server(folder, environment(folder, **values), arguments)
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGTERM)
            try:
                server.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(server.process.pid, signal.SIGKILL)
                server.process.wait()


def guildhall(folder: Path, *arguments: str, stdin: str = "", **values: str) -> "subprocess.CompletedProcess[str]":
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        env=environment(folder, **values),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """The sentence with which a command refused; no traceback, and nothing that an import complained of."""
    assert done.returncode not in (0, None), done.stdout + done.stderr
    words = done.stdout + done.stderr
    assert "Traceback" not in words, words
    assert "Warning" not in words, words
    return words


def made_key(output: str) -> dict[str, str]:
    """What `keys create` printed: id, name, secret."""
    return dict(line.split(maxsplit=1) for line in output.splitlines()[:3])
