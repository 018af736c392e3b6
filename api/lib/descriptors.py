"""The limit of open files and connections of this process. The system's default is low, and each open beyond it
fails."""

import resource
from contextlib import suppress

MOST = 65_536  # descriptors to ask for
RESERVE = 192  # for files, for our own connections besides the pool, for spare ones
MOST_CONNECTIONS = 16_384


def raise_limit() -> None:
    """Raises the limit as far as the system allows. Child processes inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS reports no limit, and has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(pool_size: int) -> int:
    """How many clients may connect, so that enough descriptors are left for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = MOST if soft == resource.RLIM_INFINITY else soft
    return max(min(there - RESERVE - pool_size, MOST_CONNECTIONS), RESERVE)
