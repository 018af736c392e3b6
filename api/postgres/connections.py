"""Opens all connections to PostgreSQL, with the options that each of them has."""

from collections.abc import Mapping
from typing import Any

import asyncpg

# Up to PostgreSQL 17 a plan node that is switched off (`enable_seqscan` and its like, which recording sets)
# costs 1e10. That lies far above `jit_above_cost`: a server built with LLVM, as most packages are, would compile
# every such statement, for seconds instead of a fraction of a millisecond. Nothing of ours runs long enough for
# compiling to pay.
SESSION = {"jit": "off"}

# What a worker opens beside its pool: its change watcher and its event poller, and two for boards of periods.
WATCHERS, SNAPSHOTS = 2, 2


async def connect(
    dsn: str | None = None,
    *,
    timeout: float = 60,  # noqa: ASYNC109  asyncpg's own
    server_settings: Mapping[str, str] | None = None,
) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of its own. `timeout`: seconds until it must be open. Raises what `asyncpg.connect` raises."""
    return await asyncpg.connect(dsn, timeout=timeout, server_settings={**SESSION, **(server_settings or {})})


async def create_pool(
    dsn: str | None = None,
    *,
    server_settings: Mapping[str, str] | None = None,
    **options: Any,  # Any: asyncpg's own keyword arguments
) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool, with its minimum of connections open. Raises what `asyncpg.create_pool` raises."""
    return await asyncpg.create_pool(dsn, server_settings={**SESSION, **(server_settings or {})}, **options)
