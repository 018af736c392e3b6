"""Opens all connections to PostgreSQL, with the same options for each."""

from collections.abc import Mapping
from typing import Any

import asyncpg

# Up to PostgreSQL 17, a plan node that is switched off (`enable_seqscan` and the like, which recording sets) costs
# 1e10. That is far above `jit_above_cost`: a server with LLVM, which most packages have, would compile every such
# statement, for seconds instead of a fraction of a millisecond. None of our statements runs long enough for compilation
# to pay.
SESSION = {"jit": "off"}

# A worker's connections besides its pool: its change watcher, its event poller, and two for boards of periods.
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
