"""What a run that was killed leaves in memory goes with the next folder that is made there."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import scratch


def test_folders_of_the_living_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "_ROOM", 0)
    ended = subprocess.Popen(["true"])
    ended.wait()
    for pid in (ended.pid, os.getppid(), "x"):
        (tmp_path / f"guildhall-test-{pid}-abc").mkdir()
    made = scratch.scratch_folder()
    assert made.name.startswith(f"guildhall-test-{os.getpid()}-")
    assert {path.name for path in tmp_path.iterdir()} == {
        made.name,
        f"guildhall-test-{os.getppid()}-abc",
        "guildhall-test-x-abc",
    }
