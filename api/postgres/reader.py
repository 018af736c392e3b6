"""Reads that a replica may answer. Services that only read get a `Reader` instead of the `Database`."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from api.postgres.database import Connection, Database
from api.postgres.replica import PATIENCE_SECONDS, Missed, Replica

T = TypeVar("T")


class Reader:
    def __init__(self, database: Database, replica: Replica | None = None) -> None:
        self._database = database
        self.replica = replica

    async def read(self, work: Callable[[Connection], Awaitable[T]], *, patience: float = PATIENCE_SECONDS) -> T:
        """What `work` returns, which only reads. It may run twice: if the replica fails in the middle, the primary
        answers. `patience`: how long to wait for a replica that is a little behind, in seconds. Raises as
        `Database.connection` does."""
        if self.replica is not None:
            with suppress(Missed):
                return await self.replica.read(work, patience)
        async with self._database.connection() as connection:
            return await work(connection)

    async def read_replica(self, work: Callable[[Connection], Awaitable[T]], *, patience: float) -> T:
        """The same, by the replica alone. Raises `Missed` if that cannot answer."""
        if self.replica is None:
            raise Missed
        return await self.replica.read(work, patience)

    async def close(self) -> None:
        """Closes the connections to the replica."""
        if self.replica is not None:
            await self.replica.close()
