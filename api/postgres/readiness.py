"""Readiness: whether requests should be sent to this process."""

import asyncio
from collections.abc import Callable

import asyncpg

from api.errors import DatabaseAway, Overloaded
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from api.postgres.migrations import APP_NAME, known
from api.postgres.replica import Replica

PROBE_SECONDS = 0.5
AWAY = {"database": "away", "migrations": "unknown"}


class Health:
    """The checks of readiness."""

    def __init__(self, database: Database, watcher: ChangeWatcher, replica: Replica | None = None) -> None:
        self._database = database
        self._watcher = watcher
        self._replica = replica
        self._expected = frozenset(known())
        self._asking: asyncio.Future[dict[str, str]] | None = None
        self.draining = False
        self.server_stops: Callable[[], bool] = lambda: False

    @property
    def stopping(self) -> bool:
        """Whether this process is about to end: it drains, or its server is closing."""
        return self.draining or self.server_stops()

    async def checks(self) -> dict[str, str]:
        """The result of each check by name: `ok`, or the problem."""
        return {
            "accepting": "draining" if self.draining else "ok",
            **await self._database_checks(),
            "changes": "ok" if self._watcher.is_fresh(5.0) else "no poll of the database for 5 s",
        }

    @property
    def replica(self) -> str | None:
        """The state of the replica, None without one. It is no check: without a replica, the primary answers."""
        return None if self._replica is None else self._replica.state

    async def _database_checks(self) -> dict[str, str]:
        # Not cancelled after the time-out: a cancellation would wait for a server that does not answer.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({self._asking}, timeout=PROBE_SECONDS)
        return self._asking.result() if done else AWAY

    async def _ask(self) -> dict[str, str]:
        try:
            async with self._database.connection(first=True) as connection:
                rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
        except DatabaseAway:
            return AWAY
        except Overloaded:
            return {"database": "every connection is in use", "migrations": "unknown"}
        except asyncpg.UndefinedTableError:
            rows = []
        except asyncpg.PostgresError as error:
            return {"database": f"refuses to say what it has: {type(error).__name__}", "migrations": "unknown"}
        missing = len(self._expected - {row["name"] for row in rows})
        return {"database": "ok", "migrations": "ok" if not missing else f"{missing} missing: run `guildhall migrate`"}
