"""The Piccolo engine: what `piccolo_conf.DB` is.

The server gives it a pool of connections of the application's role. Without a
pool it is Piccolo's command line that asks, and that works as the owner.
"""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from api.postgres.connections import connect

if TYPE_CHECKING:
    PlainConnection = asyncpg.Connection[asyncpg.Record]
else:
    PlainConnection = object

# The longest wait for a connection, in seconds; then `TimeoutError`.
ACQUIRE_SECONDS = 2


class AdminEdit(NamedTuple):
    """Who edits through Piccolo Admin: `12`, from where, by which request."""

    user_id: str
    ip: str | None
    request_id: str | None


# Set while a request of the admin changes something.
admin_edit: ContextVar[AdminEdit | None] = ContextVar("admin_edit", default=None)

# Until the transaction ends: the trigger that audits reads it, and the next one to have the connection does not.
_TELL = """
    SELECT set_config('guildhall.admin', $1, true), set_config('guildhall.ip', $2, true),
           set_config('guildhall.request_id', $3, true)
"""


class GuildhallEngine(PostgresEngine):
    """Connects as the owner outside a pool; inside one, tells the auditing trigger who the admin is."""

    def __init__(self) -> None:
        super().__init__(config={})

    async def check_version(self) -> None:
        """Nothing: Piccolo asks the server at every import of its engine, which would start a database
        for whoever only imports a table. `guildhall doctor` and the server's start look at the version."""

    async def get_new_connection(self) -> PlainConnection:
        if not self.config:
            from api.postgres.provision import locate  # starting a database is not for every import of a table

            self.config = {"dsn": (await asyncio.to_thread(locate)).owner_url}
        return await connect(**self.config)

    async def _run_in_pool(
        self,
        query: str,
        args: Sequence[Any] | None = None,  # Any: Piccolo's own signature
    ) -> list[asyncpg.Record]:
        edit = admin_edit.get()
        if self.pool is None:
            raise ValueError("The pool is not running.")
        async with self.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            try:
                if edit is None:
                    return await connection.fetch(query, *(args or ()))
                async with connection.transaction():
                    await connection.execute(_TELL, edit.user_id, edit.ip or "", edit.request_id or "")
                    return await connection.fetch(query, *(args or ()))
            except asyncpg.DataError:
                # A value that no parameter can take stops asyncpg between Parse and Sync: until the
                # connection's next statement the server would keep the locks that parsing took.
                await connection.execute("SELECT 1")
                raise


def make_engine() -> GuildhallEngine:
    """The engine of this process. Connects to nothing until it is asked to."""
    return GuildhallEngine()
