"""A guild's settings: read, changed, brought back. Each change is applied to the newest revision."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from api.audit.dtos import ActorView
from api.auth.actors import Actor
from api.changes import Changes
from api.database import Connection, Database
from api.errors import Invalid, NotFound, Overloaded, PreconditionFailed, RevisionConflict
from api.lib import etags
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import Encoded, encoded
from api.lib.json import JsonObject, same
from api.lib.keyed_locks import KeyedLocks
from api.lib.pagination import Cursors, Page, cut
from api.settings import queries
from api.settings.cache import ALL_MODULES, SettingsCache
from api.settings.dtos import RevisionView, SettingsView, StaleReference
from api.settings.modules import Module, changes
from api.settings.registry import Registry

decode = msgspec.json.decode
Edit = Callable[[Module, JsonObject], JsonObject]
State = Mapping[str, Any]  # Any: what a column of `queries.READ` holds

ATTEMPTS = 20


class SettingsService:
    def __init__(self, database: Database, told: Changes, registry: Registry, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._changes = told
        self._registry = registry
        self._cursors = cursors
        self._clock = clock
        self._cache = SettingsCache(told)
        self._writers = KeyedLocks()

    async def get(self, guild_id: int, name: str) -> Encoded[SettingsView]:
        """One module's settings. Raises `NotFound`."""
        cached = self._cache.get(guild_id, name)
        if cached is not None:
            return cached
        module = await self._registry.get(name)
        generation = self._cache.generation
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.READ, guild_id, name)
            if row is None:
                raise NotFound
            view = await _view(connection, module, row)
        found = encoded(view)
        self._cache.put(guild_id, name, found, generation)
        return found

    async def get_all(self, guild_id: int) -> Encoded[dict[str, JsonObject]]:
        """Every module's effective values, by module. Raises `NotFound`."""
        cached = self._cache.get(guild_id, ALL_MODULES)
        if cached is not None:
            return cached
        modules = await self._registry.all()
        generation = self._cache.generation
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.READ_ALL, guild_id)
        if not rows:
            raise NotFound
        overrides = {row["module"]: decode(row["overrides"]) for row in rows if row["module"] is not None}
        found = encoded({name: module.effective(overrides.get(name, {})) for name, module in modules.items()})
        self._cache.put(guild_id, ALL_MODULES, found, generation)
        return found

    async def patch(
        self, actor: Actor, guild_id: int, name: str, patch: JsonObject, if_match: etags.IfMatch
    ) -> SettingsView:
        """Merge a patch into the overrides; null returns to the default. Sent twice, the second time
        changes nothing. Raises `NotFound`, `Invalid`, `PreconditionFailed`."""

        def edit(module: Module, overrides: JsonObject) -> JsonObject:
            if faults := module.patch_faults(patch):
                raise Invalid(errors=sorted({*faults, *module.faults(module.apply_patch(overrides, patch))}))
            return module.apply_patch(overrides, patch)

        return await self._write(actor, guild_id, name, if_match, edit)

    async def replace(
        self, actor: Actor, guild_id: int, name: str, document: JsonObject, if_match: etags.IfMatch
    ) -> SettingsView:
        """Make the document all there is of overrides. Sent twice, the second time changes nothing."""
        return await self._write(actor, guild_id, name, if_match, lambda module, _: module.replace(document))

    async def reset(self, actor: Actor, guild_id: int, name: str, if_match: etags.IfMatch) -> None:
        """Back to the defaults. Sent twice, the second time changes nothing."""
        await self._write(actor, guild_id, name, if_match, lambda _module, _overrides: {})

    async def restore(
        self, actor: Actor, guild_id: int, name: str, revision: int, if_match: etags.IfMatch
    ) -> SettingsView:
        """Bring an old revision's overrides back as a new revision; 0 is the defaults. Raises `NotFound`,
        `RevisionConflict` if the module's schema no longer takes them."""
        module = await self._registry.get(name)
        async with self._database.connection() as connection:
            old = "{}" if revision == 0 else await connection.fetchval(queries.REVISION, guild_id, name, revision)
        if old is None:
            raise NotFound
        overrides: JsonObject = decode(old)
        if faults := module.faults(overrides):
            raise RevisionConflict(
                f"Revision {revision} is not valid under version {module.version} of the module.",
                errors=faults,
            )
        return await self._write(actor, guild_id, name, if_match, lambda _module, _overrides: overrides)

    async def revisions(self, guild_id: int, name: str, *, limit: int, cursor: str | None) -> Page[RevisionView]:
        """The changes of a module's settings, newest first."""
        await self._registry.get(name)
        limit = min(limit, 100)
        scope = f"revisions:{guild_id}:{name}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.REVISIONS, guild_id, name, before, limit + 1)
        return cut(rows, limit, _revision, lambda row: self._cursors.write(scope, [row["revision"]]))

    async def _write(self, actor: Actor, guild_id: int, name: str, if_match: etags.IfMatch, edit: Edit) -> SettingsView:
        """Applies the edit to the newest revision, whoever made it: when another process stored one
        between our look and our write, the write finds no row and we look again."""
        await self._registry.get(name)
        async with self._writers.hold(guild_id), self._database.connection() as connection:
            for _ in range(ATTEMPTS):
                row = await connection.fetchrow(queries.READ, guild_id, name)
                if row is None:
                    raise NotFound
                module = await self._registry.current(name, row["version"], connection)
                if if_match is not None and etags.ANY not in if_match:
                    if encoded(await _view(connection, module, row)).etag not in if_match:
                        raise PreconditionFailed
                overrides: JsonObject = decode(row["overrides"])
                edited = edit(module, overrides)
                if faults := module.faults(edited):
                    raise Invalid(errors=faults)
                if same(edited, overrides):
                    return await _view(connection, module, row)
                if (stored := await self._store(connection, actor, module, row, edited)) is not None:
                    self._changes.tell("settings", {guild_id})
                    return await _view(connection, module, stored)
        raise Overloaded("Others keep changing these settings. Nothing was stored; try again soon.")

    async def _store(
        self, connection: Connection, actor: Actor, module: Module, row: asyncpg.Record, edited: JsonObject
    ) -> State | None:
        """The settings as stored, or None if somebody else was quicker."""
        changed = changes(module.effective(decode(row["overrides"])), module.effective(edited))
        overrides, revision, now = queries.encode(edited), row["revision"] + 1, self._clock.now()
        stored = await connection.fetchval(
            queries.STORE,
            row["guild_id"],
            module.name,
            overrides,
            revision,
            now,
            row["overrides"],
            queries.encode(changed),
            actor.kind,
            actor.id,
            actor.reason,
            actor.ip,
            actor.request_id,
            None if module.built_in else module.version,
        )
        if stored is None:
            return None
        return {**row, "overrides": overrides, "revision": revision, "updated_at": now}


async def _view(connection: Connection, module: Module, row: State) -> SettingsView:
    overrides: JsonObject = decode(row["overrides"])
    values = module.effective(overrides)
    return SettingsView(
        module=module.name,
        revision=row["revision"],
        values=values,
        overridden=module.overridden(overrides),
        updated_at=row["updated_at"],
        stale_references=await _stale(connection, module, values, row),
    )


async def _stale(connection: Connection, module: Module, values: JsonObject, row: State) -> list[StaleReference]:
    """What the values name that is gone. Nothing is, of a kind that the bot never sent."""
    known = {"role": row["roles_synced_at"], "channel": row["channels_synced_at"]}
    references = [found for found in module.references(values) if known.get(found.kind) is not None]
    if not references:
        return []
    missing = {
        (kind, str(id_))
        for kind, id_ in await connection.fetch(
            queries.MISSING,
            row["guild_id"],
            [int(found.id) for found in references if found.kind == "role"],
            [int(found.id) for found in references if found.kind == "channel"],
        )
    }
    return [
        StaleReference(found.pointer, found.kind, found.id) for found in references if (found.kind, found.id) in missing
    ]


def _revision(row: asyncpg.Record) -> RevisionView:
    at: datetime = row["at"]
    return RevisionView(
        revision=row["revision"],
        module=row["module"],
        at=at,
        actor=ActorView(row["actor_kind"], row["actor_id"]),
        reason=row["reason"],
        before=decode(row["before"]),
        after=decode(row["after"]),
        changes=msgspec.json.decode(row["changes"], type=dict[str, Change]),
    )
