"""A guild's settings: read, changed, brought back. Each change is applied to the newest revision."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from api.auth.actors import Actor
from api.errors import GuildhallError, Invalid, NotFound, Overloaded, RevisionConflict
from api.idempotency.store import store_answer
from api.lib.clock import Clock
from api.lib.encoded import Encoded, encoded
from api.lib.etags import Preconditions
from api.lib.json import JsonObject, same
from api.lib.keyed_locks import KeyedLocks
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from api.settings import history, queries
from api.settings.cache import ALL_MODULES, MIB, SettingsCache
from api.settings.dtos import RevisionView, SettingsView
from api.settings.edits import Edit, edited, refuse
from api.settings.modules import Module, changes
from api.settings.registry import Registry
from api.settings.states import Settings, to_view
from api.settings.values import stored_size
from tables.settings import GuildSettings, RegisteredModule

decode = msgspec.json.decode

ATTEMPTS = 5
FORGET_BATCH_SIZE = 1000


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
        self._kept = kept
        self._kept_for = kept_for
        self._database = database
        self._watcher = watcher
        self._registry = registry
        self._cursors = cursors
        self._clock = clock
        self._cache: SettingsCache[Encoded[Any]] = SettingsCache(watcher, lambda answer: len(answer.body), 12 * MIB)
        self._states: SettingsCache[Settings] = SettingsCache(watcher, _weight, 8 * MIB)
        self._writers = KeyedLocks()

    def cached(self, guild_id: int, name: str) -> Encoded[SettingsView] | None:
        """One module's settings, if they are in memory and may still be believed."""
        return self._cache.get(guild_id, name)

    async def get(self, guild_id: int, name: str) -> Encoded[SettingsView]:
        """One module's settings. Raises `NotFound`."""
        cached = self._cache.get(guild_id, name)
        if cached is not None:
            return cached
        with self._cache.watching(guild_id) as watch:
            await self._registry.get(name)
            async with self._database.connection() as connection:
                found = encoded(await to_view(connection, await self._look(connection, guild_id, name)))
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
        """Merge a patch into the overrides; null returns to the default. Sent twice, the second time
        changes nothing. Raises `NotFound`, `Invalid`, `PreconditionFailed`."""

        def edit(module: Module, overrides: JsonObject) -> JsonObject:
            refuse(module.bound_faults(patch))
            if faults := module.patch_faults(patch):
                raise Invalid(errors=sorted({*faults, *module.faults(module.apply_patch(overrides, patch))}))
            return module.apply_patch(overrides, patch)

        return await self._write(actor, guild_id, name, preconditions, Edit(stored_size(patch), edit))

    async def replace(
        self, actor: Actor, guild_id: int, name: str, document: JsonObject, preconditions: Preconditions | None
    ) -> SettingsView:
        """Make the document all there is of overrides. Sent twice, the second time changes nothing."""

        def edit(module: Module, _overrides: JsonObject) -> JsonObject:
            refuse(module.bound_faults(document))
            return module.replace(document)

        return await self._write(actor, guild_id, name, preconditions, Edit(stored_size(document), edit))

    async def check(self, name: str, document: JsonObject) -> None:
        """Raises what `replace` would raise for the document itself: `NotFound`, `Invalid`."""
        module = await self._registry.get(name)
        if faults := module.faults(module.replace(document)):
            raise Invalid(errors=faults)

    async def reset(self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None) -> None:
        """Back to the defaults. Sent twice, the second time changes nothing."""
        await self._write(actor, guild_id, name, preconditions, Edit(0, lambda _module, _overrides: {}))

    async def restore(
        self, actor: Actor, guild_id: int, name: str, revision: int, preconditions: Preconditions | None
    ) -> SettingsView:
        """Bring an old revision's overrides back as a new revision; 0 is the defaults. Raises `NotFound`,
        `RevisionConflict` if the module's schema no longer takes them."""
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

        return await self._write(actor, guild_id, name, preconditions, Edit(len(old), edit))

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

    async def forget_old(self) -> bool:
        """Forgets some of the revisions that are too old, but for those that hold now; whether there may be more."""
        async with self._database.connection() as connection:
            since = self._clock.now() - self._kept_for
            forgotten: int = await connection.fetchval(queries.FORGET_OLD, since, FORGET_BATCH_SIZE)
        return forgotten == FORGET_BATCH_SIZE

    async def _write(
        self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None, edit: Edit
    ) -> SettingsView:
        """Applies the edit to the newest revision, whoever made it: when another process stored one
        between our look and our write, the write finds no row and we look again."""
        await self._registry.get(name)
        async with self._writers.hold(guild_id):
            if actor.claim is not None:  # the answer is kept in the transaction
                return await self._write_in_turn(actor, guild_id, name, preconditions, edit)
            async with self._database.connection() as connection:
                remembered = self._states.get(guild_id, name)
                for _ in range(ATTEMPTS):
                    before = remembered or await self._look(connection, guild_id, name)
                    try:
                        after = await edited(connection, before, edit, preconditions)
                    except GuildhallError:
                        if remembered is None:
                            raise
                        after = before
                    if same(after.overrides, before.overrides):
                        if remembered is None:
                            return await to_view(connection, before)
                    elif (stored := await self._store(connection, actor, before, after)) is not None:
                        return await to_view(connection, stored)
                    # Memory may be behind: only what was just looked at may refuse, or say that nothing changes.
                    remembered = None
            return await self._write_in_turn(actor, guild_id, name, preconditions, edit)

    async def _write_in_turn(
        self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None, edit: Edit
    ) -> SettingsView:
        """The same, with everybody else waiting: of many processes one could lose each race."""
        async with self._database.transaction() as connection:
            # Others overtook again and again: nobody does, once these are locked.
            module = RegisteredModule.select(RegisteredModule.name).where(RegisteredModule.name == name)
            await module.lock_rows("SHARE")
            settings = (GuildSettings.guild_id == guild_id) & (GuildSettings.module == name)
            await GuildSettings.select(GuildSettings.id).where(settings).lock_rows()
            before = await self._look(connection, guild_id, name)
            after = await edited(connection, before, edit, preconditions)
            stored = before
            if not same(after.overrides, before.overrides):
                row = await connection.fetchrow(
                    queries.STORE, *_arguments(actor, before, after, self._clock.now(), self._kept)
                )
                if row is None:
                    raise Overloaded("Others keep changing these settings. Nothing was stored; try again soon.")
                stored = _stored(after, row)
            answer = await to_view(connection, stored)
            await store_answer(connection, actor.claim, encoded(answer))
        self._watcher.invalidate("settings", {guild_id})
        return answer

    async def _look(self, connection: Connection, guild_id: int, name: str) -> Settings:
        row = await connection.fetchrow(queries.READ, guild_id, name)
        if row is None:
            raise NotFound
        module = await self._registry.current(name, row["version"], connection)
        return Settings.of(module, row)

    async def _store(self, connection: Connection, actor: Actor, before: Settings, after: Settings) -> Settings | None:
        """The settings as stored, or None if somebody else was quicker."""
        guild_id = before.row["guild_id"]
        with self._states.watching(guild_id) as watch:
            row = await connection.fetchrow(
                queries.STORE, *_arguments(actor, before, after, self._clock.now(), self._kept)
            )
        if row is None:
            return None
        stored = _stored(after, row)
        # What another process told while we wrote may be newer than ours: then remember nothing.
        self._watcher.invalidate("settings", {guild_id}, None if watch.spoilt else row["changed_xid"])
        self._states.put(guild_id, stored.module.name, stored, watch)
        return stored


def _weight(state: Settings) -> int:
    """About how many bytes it takes in memory: decoded twice, but for the defaults, which all share."""
    return 2000 + 12 * len(state.row["overrides"])


def _arguments(actor: Actor, before: Settings, after: Settings, now: datetime, kept: int) -> tuple[object, ...]:
    module, row = after.module, before.row
    return queries.store(
        guild_id=row["guild_id"],
        module=module.name,
        overrides=queries.encode(after.overrides),
        revision=row["revision"] + 1,
        at=now,
        version=None if module.built_in else module.version,
        actor=actor,
        before=row["overrides"],
        changes=queries.encode(changes(before.values, after.values)),
        kept=kept,
    )


def _stored(after: Settings, row: asyncpg.Record) -> Settings:
    """The settings as PostgreSQL keeps them: it orders members and writes numbers in its own way, and
    every later answer must be the same bytes."""
    return Settings.of(after.module, {**after.row, **row})
