"""Registers modules and changes their schemas. No guild is left with invalid settings."""

import asyncio
from typing import Any

import msgspec
from piccolo.columns import Column

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import BuiltInModule, Conflict, Invalid, NotFound, PreconditionFailed
from api.events.outbox import OutboxEvent, publish
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.json import same
from api.lib.pagination import Cursors, Page, paginate
from api.lib.text import nfc, too_long
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from api.settings.builtin import BUILT_IN
from api.settings.dtos import DESCRIPTION_CHARACTERS, TITLE_CHARACTERS, ModuleView, PutModule
from api.settings.fitting import fit
from api.settings.modules import Module
from api.settings.queries import encode
from api.settings.registry import Registry, compiled, is_name
from api.settings.schema_changes import schema_change
from api.settings.schemas import InvalidSchema
from tables.settings import RegisteredModule
from tables.sql import DEFAULT, Row

MOST_MODULES = 200  # in the installation, without the built-in ones


class ModuleService:
    def __init__(
        self, database: Database, watcher: ChangeWatcher, registry: Registry, cursors: Cursors, clock: Clock
    ) -> None:
        self._database = database
        self._watcher = watcher
        self._registry = registry
        self._cursors = cursors
        self._clock = clock

    async def get(self, name: str) -> ModuleView:
        """One module. Raises `NotFound`."""
        return _to_view(await self._registry.get(name))

    async def list_modules(self, *, limit: int, cursor: str | None) -> Page[ModuleView]:
        """Every module, by name."""
        limit = min(limit, 100)
        after = self._cursors.read("modules", cursor)[0] if cursor is not None else ""
        modules = [module for name, module in (await self._registry.all()).items() if name > after]
        return paginate(
            modules[: limit + 1], limit, _to_view, lambda module: self._cursors.write("modules", [module.name])
        )

    async def register(
        self, actor: Actor, name: str, data: PutModule, preconditions: Preconditions | None, *, reset: bool
    ) -> tuple[ModuleView, bool]:
        """Registers a module or changes its schema. Returns whether it is new. A second call changes nothing. Raises
        `BuiltInModule`, `Invalid`, `PreconditionFailed`, `Conflict`, and `ModuleConflict` unless `reset`."""
        if is_name(name) is None:
            raise NotFound
        if name in BUILT_IN:
            raise BuiltInModule(f"`{name}` is a built-in module. Register yours under another name.")
        data = _composed(data)
        module = await asyncio.to_thread(_compile, name, 1, data)
        async with self._database.transaction() as connection:
            may_be_new = preconditions is None or not preconditions.need_it
            created = may_be_new and await _insert(name, data)
            before = None if created else await _locked(name)
            if preconditions is not None and not created:
                await asyncio.to_thread(_check, preconditions, before)
            await self._evolve(connection, actor, module, data, before, reset=reset)
            stored = await _locked(name)
            assert stored is not None  # it has existed for a moment at least
            module = await asyncio.to_thread(_as_stored, stored)
        self._watcher.invalidate("module", {0})
        return _to_view(module), created

    async def _evolve(
        self,
        connection: Connection,
        actor: Actor,
        module: Module,
        data: PutModule,
        before: Row | None,
        *,
        reset: bool,
    ) -> None:
        """Stores what changes `before`; a new module, for which it is None, is stored already. Writes the audit entry
        and the event, if more changed than the order of the schema's members."""
        name, version = module.name, 1
        was: dict[str, Any] = {}  # Any: any JSON
        if before is not None:
            was = {**before, "schema": msgspec.json.decode(before["schema"])}
        changed = _changes(was, data)
        if before is not None:
            if not changed:
                if before["schema"] != (reordered := encode(data.schema)):  # which is all that a form shows of it
                    change = RegisteredModule.update({RegisteredModule.schema: reordered})
                    await change.where(RegisteredModule.name == name)
                return
            version = before["version"] + ("schema" in changed)
            if "schema" in changed:
                old = await asyncio.to_thread(compiled, before)
                await fit(connection, actor, old, module, self._clock.now(), reset=reset)
            values: dict[Column | str, object] = {
                RegisteredModule.title: data.title,
                RegisteredModule.description: data.description,
                RegisteredModule.schema: encode(data.schema),
                RegisteredModule.version: version,
                RegisteredModule.updated_at: self._clock.now(),
            }
            await RegisteredModule.update(values).where(RegisteredModule.name == name)
        action = "module.registered" if before is None else "module.evolved"
        await record(connection, actor, action, guild_ids=[None], target=name, changes=changed)
        await publish(connection, [OutboxEvent(None, "module.updated", {"module": name, "version": version})])


def _changes(was: dict[str, Any], data: PutModule) -> dict[str, Change]:  # Any: any JSON
    """What the request changes. `was`: the module before; empty for a new one."""
    proposed = {"title": data.title, "description": data.description, "schema": data.schema}
    return {
        key: schema_change(was.get(key), data.schema) if key == "schema" else Change(was.get(key), value)
        for key, value in proposed.items()
        if not same(was.get(key), value)
    }


async def _insert(name: str, data: PutModule) -> bool:
    """Inserts the module. Returns False if one of this name exists. Raises `Conflict` if there are too many."""
    if await RegisteredModule.count().where(RegisteredModule.name != name) >= MOST_MODULES:
        raise Conflict(
            f"{MOST_MODULES} modules are already registered, and modules cannot be removed. Change one of them instead."
        )
    module = RegisteredModule(
        name=name,
        title=data.title,
        description=data.description,
        schema=encode(data.schema),
        created_at=DEFAULT,
        updated_at=DEFAULT,
    )
    insert = RegisteredModule.insert(module).on_conflict(RegisteredModule.name, "DO NOTHING")
    return bool(await insert.returning(RegisteredModule.name))


async def _locked(name: str) -> Row | None:
    return await RegisteredModule.select().where(RegisteredModule.name == name).lock_rows().first()


def _check(preconditions: Preconditions, row: Row | None) -> None:
    if row is None or not preconditions.hold(encoded(_to_view(_as_stored(row))).etag):
        raise PreconditionFailed


def _composed(data: PutModule) -> PutModule:
    """The data with its texts in composed form. Raises `Invalid` if they become too long."""
    words = {"title": data.title, "description": data.description}
    limits = {"title": TITLE_CHARACTERS, "description": DESCRIPTION_CHARACTERS}
    faults = [fault for key, text in words.items() if text for fault in too_long(f"/{key}", text, limits[key])]
    if faults:
        raise Invalid(errors=faults)
    return msgspec.structs.replace(data, **{key: text if text is None else nfc(text) for key, text in words.items()})


def _as_stored(row: Row) -> Module:
    """The module as every later answer has it: PostgreSQL orders a schema's members in its own way."""
    schema = msgspec.json.decode(row["schema"])
    return _compile(row["name"], row["version"], PutModule(schema, row["title"], row["description"]))


def _compile(name: str, version: int, data: PutModule) -> Module:
    try:
        return Module.registered(name, version, data.title, data.description, data.schema)
    except InvalidSchema as error:
        raise Invalid(errors=error.faults) from None


def _to_view(module: Module) -> ModuleView:
    return ModuleView(
        module=module.name,
        version=module.version,
        title=module.title,
        description=module.description,
        built_in=module.built_in,
        schema=module.schema,
        defaults=module.defaults,
    )
