"""Which process of a run begins with which tests."""

from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]

# Whatever waits for processes and restarts, or takes long, begins first: a test of half a minute at the end leaves the
# other processes of the run with nothing to do. They mostly wait, so there is a process more than there are cores.
LONG = (
    "soak",
    "operation",
    "hosts",
    "replicas",
    "imports/test_processes.py",
    "activity/test_kills.py",
    "activity/test_concurrency.py",
    "architecture/test_lists_cost.py",
    "architecture/test_openapi",
    "settings/test_http_concurrency.py",
)


def share_out(items: list[pytest.Item], processes: int) -> None:
    """Each process of the run gets a stretch of the list, which begins with its share of the long ones, file by file.
    What one has left is given to others from its end."""
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    files: dict[str, int] = {}
    for item in sorted(items, key=_place):
        if _place(item) < len(LONG):
            shares[files.setdefault(_name(item), len(files)) % processes].append(item)
    others = [item for item in items if _place(item) == len(LONG)]
    stretch = -(-len(items) // processes)
    items.clear()
    for share in shares:
        room = max(stretch - len(share), 0)
        items += share + others[:room]
        del others[:room]
    items += others


def _name(item: pytest.Item) -> str:
    return item.path.relative_to(_TESTS).as_posix()


def _place(item: pytest.Item) -> int:
    """Which of the long ones it is; their number if it is none."""
    return next((place for place, each in enumerate(LONG) if _name(item).startswith(each)), len(LONG))
