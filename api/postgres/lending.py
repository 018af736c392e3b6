"""An engine of Piccolo's that has no connections of its own: whoever has a pool lends them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from piccolo.engine.postgres import PostgresEngine

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy


class LendingEngine(PostgresEngine):
    """`lend`: gives a connection for one statement; None while nobody has opened a `Database` on the engine."""

    lend: "Callable[[], AbstractAsyncContextManager[PoolConnectionProxy[asyncpg.Record]]] | None" = None
