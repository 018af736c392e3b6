"""How many files and connections this process may have open: the system's default is few, and one more is an error
for whoever comes next."""

import resource
from contextlib import suppress

MOST = 65_536  # descriptors that are asked for
RESERVE = 192  # for files, for connections that we open ourselves (those of the pool not counted), for spare ones
MOST_CONNECTIONS = 16_384


def raise_limit() -> None:
    """Asks for as many as the system lets us have. Processes that this one starts inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(pool_size: int) -> int:
    """How many clients may be connected, so that something is left for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = MOST if soft == resource.RLIM_INFINITY else soft
    return max(min(there - RESERVE - pool_size, MOST_CONNECTIONS), RESERVE)
