"""Workers end with the process that started them, and leave nothing behind that would disturb the next start."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "guildhall-metrics-"


def end_with_parent() -> None:
    """Stops this process gracefully when its parent is gone. A killed parent cannot stop its workers, and they would
    continue to serve on a port that the next start needs. Does nothing in a process without a supervisor."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)  # two at once would be one
        os.kill(os.getpid(), signal.SIGTERM)  # no wait for a load balancer: the next start needs the port

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def metrics_folder() -> Iterator[str]:
    """A folder in which workers add up their metrics, named after their parent. Those of killed servers are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        yield folder


def _is_alive(pid: int) -> bool:
    with suppress(PermissionError):  # another user's process, which is alive
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
