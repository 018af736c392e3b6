"""Opens all connections to PostgreSQL with the same options, and gives back, cuts and closes those of pools."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from api.lib import tracing
from api.postgres.hosts import READ_WRITE, first_to_answer, says_which

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    PlainConnection = asyncpg.Connection[asyncpg.Record]
    Connection = PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    PlainConnection = Connection = Pool = object

CLEAN_UP_SECONDS = 2.0
CLOSE_SECONDS = 5.0

# Up to PostgreSQL 17, a plan node that is switched off (`enable_seqscan` and the like, which recording sets) costs
# 1e10. That is far above `jit_above_cost`: a server with LLVM, which most packages have, would compile every such
# statement, for seconds instead of a fraction of a millisecond. None of our statements runs long enough for compilation
# to pay.
SESSION = {"jit": "off"}

# A worker's connections besides its pool: its change watcher, its event poller, two for boards of periods, and one for
# upkeep.
WATCHERS, SNAPSHOTS, UPKEEP = 2, 2, 1


class Access(NamedTuple):
    """asyncpg's arguments for connections. `pooled`: for single statements and transactions. `session`: for what lasts
    longer, such as LISTEN and advisory locks of a session. `has_pooler`: whether a pooler lends the first kind."""

    pooled: dict[str, Any]  # Any: asyncpg's own keyword arguments
    session: dict[str, Any]
    has_pooler: bool = False


async def connect(
    dsn: str | None = None,
    *,
    timeout: float = 60,  # noqa: ASYNC109  asyncpg's own
    server_settings: Mapping[str, str] = SESSION,
    **options: Any,  # Any: asyncpg's own keyword arguments
) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of its own. `timeout`: seconds until it must be open. `server_settings`: what is asked for at
    connecting. Only a server that takes writes is accepted, unless the address says otherwise. Raises what
    `asyncpg.connect` raises."""
    return await _open(dsn, timeout=timeout, server_settings=dict(server_settings), **options)


async def create_pool(
    dsn: str | None = None,
    *,
    server_settings: Mapping[str, str] = SESSION,
    **options: Any,  # Any: asyncpg's own keyword arguments
) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool, with its minimum of connections open. Raises what `asyncpg.create_pool` raises."""
    return await asyncpg.create_pool(
        dsn, server_settings=dict(server_settings), connect=_open, init=tracing.watch, reset=_keep, **options
    )


async def _open(
    dsn: str | None = None,
    *,
    target_session_attrs: SessionAttribute | None = READ_WRITE,
    **options: Any,  # Any: asyncpg's own keyword arguments
) -> "asyncpg.Connection[asyncpg.Record]":
    # What the address or the environment says is left to asyncpg.
    wanted = None if says_which(dsn, os.environ) else target_session_attrs

    async def one(address: str | None) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(address, target_session_attrs=wanted, **options)

    return await (one(None) if dsn is None else first_to_answer(dsn, one))


async def _keep(_connection: object) -> None:
    """Resets nothing on release. Sessions have only transaction-local state, and asyncpg's own reset costs a round
    trip. A pooler would send it to another connection."""


async def give_back(pool: Pool, connection: Connection) -> None:
    """Returns a connection to its pool, or cuts it if that fails or takes too long."""
    try:
        # asyncpg shields this itself: it ends even if the caller is cancelled.
        await pool.release(connection, timeout=CLEAN_UP_SECONDS)
    except Exception:
        cut(connection)


def cut(connection: Connection) -> None:
    """Ends a connection at once, without a word to the server."""
    with suppress(asyncpg.InterfaceError):  # the server ended it, and the pool has taken it back
        connection.terminate()


async def close_pool(pool: Pool) -> None:
    """Closes a pool; connections still busy after five seconds are cut."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()
