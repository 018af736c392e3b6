"""Servers as an operator starts them: processes of their own, on sockets, with the whole command line."""

import asyncio
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from api.config import Settings
from tests.support import cluster
from tests.support.clock import CLOCK
from tests.support.commands import Commands, Forked
from tests.support.scratch import scratch_folder
from tests.support.serving import NO_TLS

SECRET = "0123456789abcdef" * 4
READY_SECONDS = 60
ANSWER_SECONDS = 60  # a busy machine is no fault

_KEY = "first.key"  # beside an installation's data

# Databases and log-ins in the cluster that all test processes share.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "one")
MEMBER = f"plain_{PROCESS}"

AFRESH = (sys.executable, "-m", "api")  # as an operator starts it

_commands = Commands()


class Server:
    """One `guildhall serve`. What it says goes to two files, so that it never waits for a reader."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        arguments: tuple[str, ...],
        *,
        command: tuple[str, ...] | None = None,
        cwd: Path | None = None,
        port: int | None = None,
    ) -> None:
        """`command`: what starts it in place of a fork."""
        with socket.create_server(("127.0.0.1", port or 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.folder = folder
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._out, self._err = folder / f"{self.port}.out", folder / f"{self.port}.err"
        # Anew: the port may be that of an earlier server, the one that began the installation included.
        for path in (self._out, self._err):
            path.write_bytes(b"")
        self.process: subprocess.Popen[bytes] | Forked
        variables = {**environ, "GUILDHALL_PORT": str(self.port)}
        if command is None:
            files = (Path(os.devnull), self._out, self._err)
            self.process = _commands.start(("serve", *arguments), variables, files)
            return
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, "serve", *arguments],
                cwd=cwd,
                env=variables,
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
        """The first key, as the terminal showed it when the installation was begun."""
        found = re.search(r"First key +(gh_\w+)", self.said)
        kept = self.folder / _KEY
        assert found is not None or kept.exists(), self.said
        return kept.read_text() if found is None else found[1]

    def log(self) -> list[dict[str, Any]]:  # Any: whatever a line says
        """The lines of its log; everything else is words for a person."""
        return [json.loads(line) for line in self._out.read_text().splitlines() if line.startswith("{")]

    def wait(self) -> None:
        """Returns when it is ready."""

        def ready() -> bool:
            assert self.process.poll() is None, self.said
            try:
                return self.get("/health/ready").status_code == 200
            except httpx2.TransportError:
                return False

        until(ready, READY_SECONDS, lambda: self.said)

    def stop(self, number: int = signal.SIGTERM, *, within: float = 60) -> int:
        """Sends the signal; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=within)

    def client(self, key: str | None = None) -> httpx2.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx2.Client(base_url=self.base_url, headers=headers, timeout=ANSWER_SECONDS, verify=NO_TLS)

    def get(self, path: str, *, timeout: float = ANSWER_SECONDS) -> httpx2.Response:
        """Over a connection of its own, as nobody."""
        return httpx2.get(f"{self.base_url}{path}", timeout=timeout, verify=NO_TLS)


def until(happened: Callable[[], bool], seconds: float, describe: Callable[[], object] = lambda: "") -> float:
    """Waits until it happened; gives the seconds that it took."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {describe()}"
        time.sleep(0.03)
    return time.monotonic() - started


@contextmanager
def private_folder() -> Iterator[Path]:
    """Not tmp_path: pytest takes from the folder above it the bit by which PostgreSQL's user passes."""
    folder = scratch_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def installation() -> Iterator[Path]:
    """A folder of an installation that has been started once. It is a copy: to make one takes seconds."""
    with private_folder() as folder:
        subprocess.run(["cp", "-a", *_begun().iterdir(), folder], check=True)
        yield folder


def _begun() -> Path:
    """The installation that is copied, of all processes of the run."""
    folder = cluster.folder() / "installation"
    with (cluster.folder() / "installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _KEY).exists():
            folder.mkdir()
            with serving_afresh(folder) as server:
                key = server.key
                assert server.stop() == 0
            (folder / _KEY).write_text(key)
    return folder


def environment(folder: Path, **values: str) -> dict[str, str]:
    """Variables for an installation in that folder, and none of this process's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUILDHALL_", "DATABASE_"))}
    ours = {"GUILDHALL_DATA_DIR": str(folder / "data"), "GUILDHALL_LOG_FORMAT": "json", "GUILDHALL_SECRET": SECRET}
    return clean | ours | values


def serving(folder: Path, *arguments: str, **values: str) -> AbstractContextManager[Server]:
    """A server that is ready; killed at the end if it still runs."""
    return _ready(Server(folder, environment(folder, **values), arguments))


def serving_afresh(folder: Path, *arguments: str, **values: str) -> AbstractContextManager[Server]:
    """The same, with imports of its own."""
    return _ready(Server(folder, environment(folder, **values), arguments, command=AFRESH))


@contextmanager
def _ready(server: Server) -> Iterator[Server]:
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
    return _commands.run(arguments, environment(folder, **values), stdin, 60)


def guildhall_afresh(
    folder: Path, *arguments: str, cwd: Path | None = None, **values: str
) -> "subprocess.CompletedProcess[str]":
    """The same, with imports of its own: from that folder, if one is given."""
    return subprocess.run(
        [*AFRESH, *arguments],
        cwd=cwd,
        env=environment(folder, **values),
        stdin=subprocess.DEVNULL,
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


@asynccontextmanager
async def another_process(settings: Settings) -> AsyncIterator[str]:
    """A server of its own on the same database. Yields its address. It has the real time, and so has this process from
    here on."""
    CLOCK.put(datetime.now(UTC))
    assert settings.database_url is not None
    assert settings.owner_database_url is not None
    with private_folder() as folder:
        process = serving(
            folder,
            DATABASE_URL=settings.database_url,
            GUILDHALL_SESSION_DATABASE_URL=settings.session_database_url or settings.database_url,
            GUILDHALL_OWNER_DATABASE_URL=settings.owner_database_url,
            GUILDHALL_LOG_LEVEL="error",
        )
        server = await asyncio.to_thread(process.__enter__)
        try:
            yield server.base_url
        finally:
            await asyncio.to_thread(process.__exit__, None, None, None)
