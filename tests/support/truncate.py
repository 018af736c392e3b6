"""Empties the tables between tests. It uses DELETE, because TRUNCATE makes new files for every table, even for empty
ones."""

import asyncio

import asyncpg

from api.postgres.engine import PlainConnection

# Rows that migrations insert, and positions of the stream.
_KEPT = ("migration", "erasure_salt", "pseudonym_key", "stream_position", "webhook_position")

_TABLES = """
    SELECT format('%I', relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> ALL($1) ORDER BY relname
"""

TIMEOUT_SECONDS = 20


class Truncater:
    """Deletes all rows, without triggers and foreign keys.

    Background work continues meanwhile: numbering, imports, awards, uses of keys. Each of these locks rows of several
    tables in its own order, as deleting everything does. So this never waits for a lock while it holds another one: it
    locks all tables at once or none, and then tries again. No deadlock is possible."""

    def __init__(self, connection: PlainConnection, tables: list[str]) -> None:
        self._connection = connection
        self._lock = f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE NOWAIT"
        gone = ", ".join(f"gone_{number} AS (DELETE FROM {table})" for number, table in enumerate(tables))
        self._delete = f"WITH {gone} SELECT 1"

    @classmethod
    async def connect(cls, superuser_url: str) -> "Truncater":
        connection = await asyncpg.connect(superuser_url, server_settings={"session_replication_role": "replica"})
        return cls(connection, [row[0] for row in await connection.fetch(_TABLES, _KEPT)])

    async def truncate(self) -> None:
        """Raises `TimeoutError` if writing transactions leave no gap."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not await self._is_truncated():  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.005)

    async def _is_truncated(self) -> bool:
        try:
            async with self._connection.transaction():
                await self._connection.execute(self._lock)
                await self._connection.fetchval(self._delete)
        except asyncpg.LockNotAvailableError:
            return False
        return True

    async def close(self) -> None:
        await self._connection.close()
