"""A Piccolo engine without connections of its own. The owner of a pool lends them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from piccolo.engine.postgres import PostgresEngine

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy


class LendingEngine(PostgresEngine):
    """A Piccolo engine without connections of its own. `lend` returns a connection for one statement; None while no
    `Database` is open on the engine."""

    lend: "Callable[[], AbstractAsyncContextManager[PoolConnectionProxy[asyncpg.Record]]] | None" = None
