"""Where tests keep the data of PostgreSQL: in memory if there is room. To make a database from a template, a thousand
files, takes 30 ms of the processor there, and 300 on a disk; nothing waits for the disk at a commit."""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it have names of their own
_ROOM = 4 * 1024**3
_PREFIX = "guildhall-test-"


def scratch_folder() -> Path:
    """A new folder of this user alone."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    if in_memory:
        _clear()
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_MEMORY if in_memory else None))


def _clear() -> None:
    """Removes what runs that were killed have left: memory stays taken until somebody does."""
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
