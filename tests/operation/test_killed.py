"""The process that started the workers is killed: they end, and the next start finds nothing of them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from api.runtime.parent import metrics_folder
from tests.operation.servers import guildhall, installation, serving, until


def test_workers_end_with_their_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    with installation() as folder:
        temporary = folder / "tmp"
        temporary.mkdir()
        with serving(folder, "--workers", "2", TMPDIR=str(temporary)) as server:
            assert [path.name.startswith("guildhall-metrics-") for path in temporary.iterdir()].count(True) == 1
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()

            def is_free() -> bool:
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", server.port)) != 0

            until(is_free, 60)
        assert guildhall(folder, "migrate").returncode == 0  # the next one has the database, and ends it
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        with metrics_folder() as made:
            assert list(temporary.glob("guildhall-metrics-*")) == [Path(made)]


def test_folders_of_the_living_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid(), os.getppid(), "x"):
        (tmp_path / f"guildhall-metrics-{pid}-abc").mkdir()
    with metrics_folder():
        left = {path.name.split("-")[2] for path in tmp_path.iterdir()}
    assert left == {str(os.getpid()), str(os.getppid()), "x"}
