"""A guild's settings: read, change, restore. Each change applies to the newest revision."""

from datetime import timedelta
from typing import Any

import msgspec

from api.auth.actors import Actor
from api.errors import Invalid, NotFound, RevisionConflict
from api.lib.clock import Clock
from api.lib.encoded import Encoded, encoded
from api.lib.etags import Preconditions
from api.lib.json import JsonObject
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from api.settings import history, queries
from api.settings.cache import ALL_MODULES, MIB, SettingsCache
from api.settings.dtos import RevisionView, SettingsView
from api.settings.edits import Edit, refuse
from api.settings.modules import Module
from api.settings.registry import Registry
from api.settings.states import to_view
from api.settings.values import stored_size
from api.settings.writer import SettingsWriter

decode = msgspec.json.decode

BATCH_SIZE = 1000


class SettingsService:
    def __init__(
        self,
        database: Database,
        watcher: ChangeWatcher,
        registry: Registry,
        cursors: Cursors,
        clock: Clock,
        *,
        kept: int,
        kept_for: timedelta,
    ) -> None:
        """`kept`, `kept_for`: how many revisions of a module a guild has at most, and for how long."""
        self._kept_for = kept_for
        self._database = database
        self._registry = registry
        self._cursors = cursors
        self._clock = clock
        self._cache: SettingsCache[Encoded[Any]] = SettingsCache(watcher, lambda answer: len(answer.body), 12 * MIB)
        self._writer = SettingsWriter(database, watcher, registry, clock, kept)

    def cached(self, guild_id: int, name: str) -> Encoded[SettingsView] | None:
        """A module's settings, if they are in memory and still valid."""
        return self._cache.get(guild_id, name)

    async def get(self, guild_id: int, name: str) -> Encoded[SettingsView]:
        """One module's settings. Raises `NotFound`."""
        cached = self._cache.get(guild_id, name)
        if cached is not None:
            return cached
        with self._cache.watching(guild_id) as watch:
            await self._registry.get(name)
            async with self._database.connection() as connection:
                found = encoded(await to_view(connection, await self._writer.newest(connection, guild_id, name)))
            self._cache.put(guild_id, name, found, watch)
        return found

    async def get_all(self, guild_id: int) -> Encoded[dict[str, JsonObject]]:
        """Every module's effective values, by module. Raises `NotFound`."""
        cached = self._cache.get(guild_id, ALL_MODULES)
        if cached is not None:
            return cached
        with self._cache.watching(guild_id) as watch:
            modules = await self._registry.all()
            async with self._database.connection() as connection:
                rows = await connection.fetch(queries.READ_ALL, guild_id)
            if not rows:
                raise NotFound
            overrides = {row["module"]: decode(row["overrides"]) for row in rows if row["module"] is not None}
            found = encoded({name: module.effective(overrides.get(name, {})) for name, module in modules.items()})
            self._cache.put(guild_id, ALL_MODULES, found, watch)
        return found

    async def patch(
        self, actor: Actor, guild_id: int, name: str, patch: JsonObject, preconditions: Preconditions | None
    ) -> SettingsView:
        """Merges a patch into the overrides; null returns to the default. A second call changes nothing. Raises
        `NotFound`, `Invalid`, `PreconditionFailed`."""

        def edit(module: Module, overrides: JsonObject) -> JsonObject:
            refuse(module.bound_faults(patch))
            if faults := module.patch_faults(patch):
                raise Invalid(errors=sorted({*faults, *module.faults(module.apply_patch(overrides, patch))}))
            return module.apply_patch(overrides, patch)

        return await self._writer.write(actor, guild_id, name, preconditions, Edit(stored_size(patch), edit))

    async def replace(
        self, actor: Actor, guild_id: int, name: str, document: JsonObject, preconditions: Preconditions | None
    ) -> SettingsView:
        """Replaces all overrides with the document. A second call changes nothing."""

        def edit(module: Module, _overrides: JsonObject) -> JsonObject:
            refuse(module.bound_faults(document))
            return module.replace(document)

        return await self._writer.write(actor, guild_id, name, preconditions, Edit(stored_size(document), edit))

    async def check(self, name: str, document: JsonObject) -> None:
        """Raises what `replace` would raise for the document: `NotFound`, `Invalid`."""
        module = await self._registry.get(name)
        if faults := module.faults(module.replace(document)):
            raise Invalid(errors=faults)

    async def reset(self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None) -> None:
        """Returns everything to its default. A second call changes nothing."""
        await self._writer.write(actor, guild_id, name, preconditions, Edit(0, lambda _module, _overrides: {}))

    async def restore(
        self, actor: Actor, guild_id: int, name: str, revision: int, preconditions: Preconditions | None
    ) -> SettingsView:
        """Restores the overrides of an old revision as a new revision; 0 has the defaults. Raises `NotFound`, and
        `RevisionConflict` if the module's schema now refuses them."""
        await self._registry.get(name)
        old = "{}" if revision == 0 else await history.overrides_at(guild_id, name, revision)
        if old is None:
            raise NotFound
        overrides: JsonObject = decode(old)

        def edit(module: Module, _overrides: JsonObject) -> JsonObject:
            if faults := module.faults(overrides):
                sentence = f"Revision {revision} is not valid under version {module.version} of the module."
                raise RevisionConflict(sentence, errors=faults)
            return overrides

        return await self._writer.write(actor, guild_id, name, preconditions, Edit(len(old), edit))

    async def revisions(
        self, actor: Actor, guild_id: int, name: str, *, limit: int, cursor: str | None
    ) -> Page[RevisionView]:
        """The changes of a module's settings, newest first."""
        await self._registry.get(name)
        limit = min(limit, 100)
        scope = f"revisions:{guild_id}:{name}:{actor.id}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        return paginate(
            await history.page(guild_id, name, before, limit + 1),
            limit,
            history.to_view,
            lambda row: self._cursors.write(scope, [row["revision"]]),
            lambda row: len(row["before"]) + len(row["after"]) + len(row["changes"]),
        )

    async def delete_old_revisions(self) -> bool:
        """Deletes a batch of old revisions, except for current ones. Returns whether there may be more."""
        async with self._database.connection() as connection:
            since = self._clock.now() - self._kept_for
            deleted: int = await connection.fetchval(queries.DELETE_OLD, since, BATCH_SIZE)
        return deleted == BATCH_SIZE
