"""Runs `guildhall` commands of the tests. Each runs in a process of its own, forked from one that has imported
everything.

Imports are most of a command's cost: a second of the processor. They read nothing from the environment, and `python -m
api` continues from there as always. Servers are started without this, as an operator starts them."""

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Never


class Commands:
    """A process that forks, from the first command until this process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], stdin: str, seconds: float
    ) -> "subprocess.CompletedProcess[str]":
        """Raises `TimeoutExpired` if the command takes longer."""
        with self._lock, tempfile.TemporaryDirectory() as folder:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            (Path(folder) / "0").write_text(stdin)
            print(json.dumps([folder, arguments, dict(environment)]), file=process.stdin, flush=True)
            began = time.monotonic()
            late = threading.Timer(seconds, _kill, [int(process.stdout.readline())])
            late.start()
            code = int(process.stdout.readline())
            late.cancel()
            out, err = ((Path(folder) / name).read_text() for name in "12")
        if code == -signal.SIGKILL and time.monotonic() - began > seconds:
            raise subprocess.TimeoutExpired(arguments, seconds, out, err)
        return subprocess.CompletedProcess(arguments, code, out, err)

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            atexit.register(self.close)
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _become(folder: Path, arguments: list[str], environment: dict[str, str]) -> Never:
    os.environ.clear()
    os.environ.update(environment)
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)):
        opened = os.open(folder / str(number), flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (_stream(number, mode) for number, mode in enumerate("rww"))
    sys.argv = ["guildhall", *arguments]
    runpy.run_module("api", run_name="__main__", alter_sys=True)
    sys.exit()


def _stream(number: int, mode: str) -> IO[str]:
    return open(number, mode, encoding="utf-8", closefd=False)


def main() -> None:
    import api.__main__
    import api.app
    import api.postgres.backup  # noqa: F401 - for those who come after

    del sys.modules["api.__main__"]  # it is run anew each time
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        folder, arguments, environment = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(Path(folder), arguments, environment)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
