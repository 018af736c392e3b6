"""Runs `guildhall` commands and servers of the tests. Each is a process of its own, forked from one that has imported
everything.

Imports are most of what a start costs: two seconds of the processor for a server. They read nothing from the
environment, and `python -m api` continues from there as always. Whoever tests the start itself starts `python -m api`
afresh, as an operator does."""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Never

# All that commands and servers import, also those that they import late.
_IMPORTED = (
    "api.__main__",
    "api.app",
    "api.cli.doctor",
    "api.cli.setup",
    "api.cli.welcome",
    "api.postgres.backup",
    "api.postgres.preflight",
    "api.runtime.embedded_database",
    "api.runtime.server",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)

_REPORT = "report"  # a pipe: the process number, and later the exit code


class Forked:
    """A forked command, with what is used of `subprocess.Popen`."""

    def __init__(self, arguments: tuple[str, ...], report: int) -> None:
        """`report`: the reading end of what the keeper writes."""
        self.returncode: int | None = None
        self._arguments, self._report = arguments, os.fdopen(report)
        self.pid = int(self._report.readline())

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended. Raises `TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        self.returncode = int(self._report.readline())
        self._report.close()

    def send_signal(self, number: int) -> None:
        """Does nothing if it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Commands:
    """A process that forks, from the first command until this process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], stdin: str, seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """Raises `TimeoutExpired` if the command takes longer."""
        with tempfile.TemporaryDirectory() as name:
            files = tuple(Path(name) / each for each in ("in", "out", "err"))
            files[0].write_text(stdin)
            process = self.start(arguments, environment, files)
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            return subprocess.CompletedProcess(arguments, code, *(path.read_text() for path in files[1:]))

    def start(self, arguments: tuple[str, ...], environment: Mapping[str, str], files: tuple[Path, ...]) -> Forked:
        """Does not wait for its end. `files`: standard input, output, and errors."""
        with self._lock, tempfile.TemporaryDirectory() as folder:
            process = self._started()
            assert process.stdin is not None
            report = Path(folder) / _REPORT
            os.mkfifo(report)
            asked = [str(report), arguments, dict(environment), [*map(str, files)]]
            print(json.dumps(asked), file=process.stdin, flush=True)
            return Forked(arguments, os.open(report, os.O_RDONLY))

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, text=True)
            atexit.register(self.close)
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _keep(report: Path, arguments: list[str], environment: dict[str, str], files: list[Path]) -> None:
    """Forks the command, and reports its number and its end to whoever started it: only a parent learns the code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with report.open("w") as file:
        pid = os.fork()
        if pid == 0:
            file.close()
            _become(arguments, environment, files)
        print(pid, file=file, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=file, flush=True)


def _become(arguments: list[str], environment: dict[str, str], files: list[Path]) -> Never:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # the variables name another one
    for number, flags in enumerate((os.O_RDONLY, *(os.O_WRONLY | os.O_CREAT | os.O_TRUNC,) * 2)):
        opened = os.open(files[number], flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (_stream(number, mode) for number, mode in enumerate("rww"))
    sys.argv = ["guildhall", *arguments]
    runpy.run_module("api", run_name="__main__", alter_sys=True)
    sys.exit()


def _stream(number: int, mode: str) -> IO[str]:
    return open(number, mode, encoding="utf-8", closefd=False)


def main() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    del sys.modules["api.__main__"]  # it is run anew each time
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are reaped by the system
    for line in iter(sys.stdin.readline, ""):
        if os.fork() == 0:
            report, arguments, environment, files = json.loads(line)
            _keep(Path(report), arguments, environment, [*map(Path, files)])
            os._exit(0)


if __name__ == "__main__":
    main()
