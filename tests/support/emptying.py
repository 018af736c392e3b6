"""Empties the tables between tests: DELETE, since TRUNCATE makes new files for every table, empty or not."""

import asyncpg

from api.engine import PlainConnection

# What migrations put there, and where the stream stands.
_KEPT = ("migration", "erasure_salt", "stream_position")

_TABLES = """
    SELECT format('%I', relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> ALL($1) ORDER BY relname
"""


class Emptier:
    """Deletes every row at once, past triggers and foreign keys."""

    def __init__(self, connection: PlainConnection, statement: str) -> None:
        self._connection = connection
        self._statement = statement

    @classmethod
    async def connect(cls, superuser_url: str) -> "Emptier":
        connection = await asyncpg.connect(superuser_url, server_settings={"session_replication_role": "replica"})
        tables = [row[0] for row in await connection.fetch(_TABLES, _KEPT)]
        gone = ", ".join(f"gone_{number} AS (DELETE FROM {table})" for number, table in enumerate(tables))
        return cls(connection, f"WITH {gone} SELECT 1")

    async def empty(self) -> None:
        await self._connection.fetchval(self._statement)

    async def close(self) -> None:
        await self._connection.close()
