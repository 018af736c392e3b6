"""Runs tests on another day: `python -m tests.support.today 2028-02-29 [pytest's arguments]`, or `make test TODAY=…`.

The day applies to the whole run: to Python, to PostgreSQL (whose `now()` the application also uses), and to every
process that a test starts. Only libfaketime can do that: Debian's package `faketime`. A moment within a day works, too:
`2026-12-06T23:59:30`, in UTC. Time continues from there."""

import os
import sys
from datetime import UTC, date, datetime
from glob import glob
from typing import cast

import pytest

from api.postgres.embedded.server import ENVIRONMENT

_LIBRARY = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
_PASSED_ON = ("LD_PRELOAD", "FAKETIME", "NO_FAKE_STAT")

# PostgreSQL waits in epoll_wait(), within which libfaketime gives a signal handler the true time: the handler of its
# timer takes every time-out for days away, and ends nothing.
needs_time_outs = pytest.mark.skipif(
    "FAKETIME" in os.environ, reason="PostgreSQL's time-outs do not end a wait for a lock or a sleep under libfaketime"
)


def pass_on() -> None:
    """Puts the PostgreSQL of this run on the same day. It sees nothing else of our environment."""
    if "FAKETIME" in os.environ:
        kept = cast("dict[str, str]", ENVIRONMENT)  # which all other code only reads
        kept.update({name: os.environ[name] for name in _PASSED_ON})


def _seconds_until(day: str) -> int:
    """From now to that moment, or to the present time on that day."""
    now = datetime.now(UTC)
    if "T" in day:
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    else:
        moment = datetime.combine(date.fromisoformat(day), now.timetz())
    return round((moment - now).total_seconds())


def main() -> None:
    """Replaces this process with pytest."""
    if len(sys.argv) < 2:
        sys.exit("Give a day: python -m tests.support.today 2028-02-29")
    day, *arguments = sys.argv[1:]
    found = [path for pattern in _LIBRARY for path in glob(pattern)]  # noqa: PTH207 - a pattern from the root
    if not found:
        sys.exit("Another day needs libfaketime. On Debian: sudo apt-get install faketime")
    os.environ |= {"LD_PRELOAD": found[0], "FAKETIME": f"{_seconds_until(day):+}", "NO_FAKE_STAT": "1"}
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - our own words


if __name__ == "__main__":
    main()
