"""The Piccolo engine, `piccolo_conf.DB`.

An open `Database` lends the engine connections of its pool, with the application's role. A query of Piccolo's uses the
connection of the open transaction; otherwise it waits for one like every single statement. If there is no such
`Database`, Piccolo's command line is running, and it works as the owner.
"""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import asyncpg

from api.postgres.connections import PlainConnection as PlainConnection
from api.postgres.connections import connect
from api.postgres.lending import LendingEngine


class AdminEdit(NamedTuple):
    """The author of an edit in Piccolo Admin: id, address and request id."""

    user_id: str
    ip: str | None
    request_id: str | None


# Set while a request of the admin changes something.
admin_edit: ContextVar[AdminEdit | None] = ContextVar("admin_edit", default=None)

# Until the transaction ends: the auditing trigger reads it, and the next user of the connection does not see it.
_TELL = """
    SELECT set_config('guildhall.admin', $1, true), set_config('guildhall.ip', $2, true),
           set_config('guildhall.request_id', $3, true)
"""


class GuildhallEngine(LendingEngine):
    """Connects as the owner outside a pool. Inside one, it passes the administrator's id to the auditing trigger."""

    def __init__(self) -> None:
        super().__init__(config={})

    async def check_version(self) -> None:
        """Does nothing. Piccolo would ask the server whenever its engine is imported, and so start a database for code
        that only imports a table. `guildhall doctor` and the server's start check the version."""

    async def get_new_connection(self) -> PlainConnection:
        if not self.config:
            from api.postgres.provision import locate  # importing a table must not start a database

            self.config = {"dsn": (await asyncio.to_thread(locate)).owner_url}
        return await connect(**self.config)

    async def _run_in_new_connection(
        self,
        query: str,
        args: Sequence[Any] | None = None,  # Any: Piccolo's own signature
    ) -> list[asyncpg.Record]:
        """Piccolo calls this without a pool. For a server, before its pool is open and after it is closed, that is an
        outage."""
        if self.lend is not None:
            return await self._run_in_pool(query, args)
        rows: list[asyncpg.Record] = await super()._run_in_new_connection(query, args)
        return rows

    async def _run_in_pool(
        self,
        query: str,
        args: Sequence[Any] | None = None,  # Any: Piccolo's own signature
    ) -> list[asyncpg.Record]:
        edit = admin_edit.get()
        if self.lend is None:
            raise ValueError("No pool was opened by a Database.")
        async with self.lend() as connection:
            if edit is None:
                return await connection.fetch(query, *(args or ()))
            async with connection.transaction():
                await connection.execute(_TELL, edit.user_id, edit.ip or "", edit.request_id or "")
                return await connection.fetch(query, *(args or ()))


def make_engine() -> GuildhallEngine:
    """The engine of this process. It connects only when it is used."""
    return GuildhallEngine()
