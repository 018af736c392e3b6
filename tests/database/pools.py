"""Whether a pool is as it was before."""

import asyncio
from contextlib import AsyncExitStack

from api.postgres.database import Connection, Database
from api.postgres.engine import PlainConnection

SIZE = 4
ADD = "INSERT INTO guilds (id, name) VALUES ($1, 'Harbour')"


async def is_whole(database: Database, root: PlainConnection) -> bool:
    """Every connection can be had at once, nothing is left open on the server, and this task can work."""
    assert database.engine.current_transaction.get() is None
    assert database.in_use == database.waiting == 0
    async with asyncio.timeout(5):
        pool = database.engine.pool
        assert pool is not None
        held = [await pool.acquire() for _ in range(SIZE)]
        for connection in held:
            assert await connection.fetchval("SELECT 1") == 1
            await pool.release(connection)
        async with AsyncExitStack() as stack:  # and by the way that everybody takes
            for _ in range(SIZE):
                await stack.enter_async_context(database.connection())
    left = await root.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    async with database.transaction() as connection:
        await connection.execute("SELECT 1")
    return bool(left == 0 and await root.fetchval("SELECT count(*) FROM guilds") == 0)


async def pid_of(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))
