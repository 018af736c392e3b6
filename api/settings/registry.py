"""The registry of modules: the built-in ones, and those that bots registered."""

import asyncio
import re

import asyncpg
import msgspec
import structlog

from api.errors import NotFound
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from api.settings import queries as sql
from api.settings.builtin import BUILT_IN
from api.settings.modules import Module
from api.settings.schemas import InvalidSchema
from tables.sql import Row

log = structlog.get_logger("guildhall.settings")

is_name = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII).fullmatch


class Registry:
    """Compiled modules in memory. After a change of the table, it reads and compiles the changed modules."""

    def __init__(self, database: Database, watcher: ChangeWatcher) -> None:
        self._database = database
        self._watcher = watcher
        self._registered: dict[str, Module] | None = None
        self._compiled: dict[str, tuple[int, Module | None]] = {}  # by the stamp of the module's row
        self._generation = 0
        watcher.subscribe(self._invalidate)

    async def get(self, name: str, connection: Connection | None = None) -> Module:
        """One module. Inside a transaction, pass its connection. Raises `NotFound`."""
        if name in BUILT_IN:
            return BUILT_IN[name]
        if is_name(name) is None:
            raise NotFound
        modules = await self._modules(connection)
        # Another process may have registered it a moment ago: only the table is reliable.
        module = modules.get(name) or await self._only(name, connection)
        if module is None:
            raise NotFound
        return module

    async def require(self, name: str, *, may_be_new: bool) -> None:
        """Raises `NotFound` if the module does not exist. With `may_be_new`, only if the name is impossible."""
        if not may_be_new:
            await self.get(name)
        elif is_name(name) is None:
            raise NotFound

    async def all(self) -> dict[str, Module]:
        """Every module, by name."""
        return dict(sorted({**await self._modules(None), **BUILT_IN}.items()))

    async def current(self, name: str, version: int | None, connection: Connection) -> Module:
        """The module at the version that the transaction sees. Another process may have changed it a moment ago."""
        module = await self.get(name, connection)
        if not module.built_in and module.version != version:
            self._registered = None
            module = await self.get(name, connection)
        return module

    async def _modules(self, connection: Connection | None) -> dict[str, Module]:
        if self._registered is not None and self._watcher.is_fresh():
            return self._registered
        generation = self._generation
        modules = {}
        for name, stamp in await self._rows(sql.READ_MODULE_STAMPS, connection):
            made_of, module = self._compiled.get(name, (None, None))
            if made_of != stamp:
                module = await self._only(name, connection)
            if module is not None:
                modules[name] = module
        if generation == self._generation:
            self._registered = modules
        return modules

    async def _only(self, name: str, connection: Connection | None) -> Module | None:
        rows = await self._rows(sql.READ_MODULE, connection, name)
        if not rows:
            self._compiled.pop(name, None)
            return None
        module = await asyncio.to_thread(compiled, rows[0])
        self._compiled[name] = rows[0]["changed_xid"], module
        return module

    async def _rows(self, query: str, connection: Connection | None, *arguments: object) -> list[asyncpg.Record]:
        if connection is not None:
            return await connection.fetch(query, *arguments)
        async with self._database.connection() as own:
            return await own.fetch(query, *arguments)

    def _invalidate(self, kind: str, _ids: set[int] | None) -> None:
        if kind == "module":
            self._generation += 1
            self._registered = None


def compiled(row: Row) -> Module | None:
    """The module of a row. None if an earlier version of Guildhall accepted a schema that this one refuses."""
    try:
        return Module.registered(
            row["name"], row["version"], row["title"], row["description"], msgspec.json.decode(row["schema"])
        )
    except InvalidSchema as error:
        log.exception("a registered module has an invalid schema", module=row["name"], faults=len(error.faults))
        return None
