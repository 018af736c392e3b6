"""The writer of settings: applies an edit to the newest revision."""

from datetime import datetime

import asyncpg

from api.auth.actors import Actor
from api.errors import GuildhallError, NotFound, Overloaded, SlugTaken
from api.idempotency.store import store_answer
from api.lib.clock import Clock
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.json import same
from api.lib.keyed_locks import KeyedLocks
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from api.settings import queries
from api.settings.cache import MIB, SettingsCache
from api.settings.dtos import SettingsView
from api.settings.edits import Edit, edited
from api.settings.modules import changes
from api.settings.registry import Registry
from api.settings.states import Settings, to_view
from tables.settings import GuildSettings, RegisteredModule

ATTEMPTS = 5

SLUG_KEY = "guild_settings_public_slug_key"  # keeps slugs of public pages apart


class SettingsWriter:
    def __init__(self, database: Database, watcher: ChangeWatcher, registry: Registry, clock: Clock, kept: int) -> None:
        """`kept`: how many revisions of a module a guild has at most."""
        self._database = database
        self._watcher = watcher
        self._registry = registry
        self._clock = clock
        self._kept = kept
        self._states: SettingsCache[Settings] = SettingsCache(watcher, _weight, 8 * MIB)
        self._writers = KeyedLocks()

    async def write(
        self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None, edit: Edit
    ) -> SettingsView:
        """Applies the edit to the newest revision. If another process stored one between our read and our write, the
        write returns no row, and we read again. Raises `SlugTaken`."""
        await self._registry.get(name)
        try:
            return await self._write(actor, guild_id, name, preconditions, edit)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != SLUG_KEY:
                raise
            raise SlugTaken from None

    async def _write(
        self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None, edit: Edit
    ) -> SettingsView:
        async with self._writers.hold(guild_id):
            if actor.claim is not None:  # the transaction also stores the answer
                return await self._write_in_turn(actor, guild_id, name, preconditions, edit)
            async with self._database.connection() as connection:
                remembered = self._states.get(guild_id, name)
                for _ in range(ATTEMPTS):
                    before = remembered or await self.newest(connection, guild_id, name)
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
                    # Memory may be outdated: a refusal, or the answer "unchanged", needs a fresh read.
                    remembered = None
            return await self._write_in_turn(actor, guild_id, name, preconditions, edit)

    async def _write_in_turn(
        self, actor: Actor, guild_id: int, name: str, preconditions: Preconditions | None, edit: Edit
    ) -> SettingsView:
        """Applies the edit with other writers locked out: among many processes, one could lose every race."""
        async with self._database.transaction() as connection:
            # After these locks nobody can store another revision.
            module = RegisteredModule.select(RegisteredModule.name).where(RegisteredModule.name == name)
            await module.lock_rows("SHARE")
            settings = (GuildSettings.guild_id == guild_id) & (GuildSettings.module == name)
            await GuildSettings.select(GuildSettings.id).where(settings).lock_rows()
            before = await self.newest(connection, guild_id, name)
            after = await edited(connection, before, edit, preconditions)
            stored = before
            if not same(after.overrides, before.overrides):
                row = await connection.fetchrow(
                    queries.STORE, *_arguments(actor, before, after, self._clock.now(), self._kept)
                )
                if row is None:
                    raise Overloaded("Somebody else keeps changing these settings. Nothing was stored; try again soon.")
                stored = _stored(after, row)
            answer = await to_view(connection, stored)
            await store_answer(connection, actor.claim, encoded(answer))
        self._watcher.invalidate("settings", {guild_id})
        return answer

    async def newest(self, connection: Connection, guild_id: int, name: str) -> Settings:
        """The newest revision. Raises `NotFound`."""
        row = await connection.fetchrow(queries.READ, guild_id, name)
        if row is None:
            raise NotFound
        module = await self._registry.current(name, row["version"], connection)
        return Settings.of(module, row)

    async def _store(self, connection: Connection, actor: Actor, before: Settings, after: Settings) -> Settings | None:
        """The settings as stored. None if somebody else was faster."""
        guild_id = before.row["guild_id"]
        with self._states.watching(guild_id) as watch:
            row = await connection.fetchrow(
                queries.STORE, *_arguments(actor, before, after, self._clock.now(), self._kept)
            )
        if row is None:
            return None
        stored = _stored(after, row)
        # If another process reported a change during the write, that may be newer: then cache nothing.
        self._watcher.invalidate("settings", {guild_id}, None if watch.spoilt else row["changed_xid"])
        self._states.put(guild_id, stored.module.name, stored, watch)
        return stored


def _weight(state: Settings) -> int:
    """About how many bytes it takes in memory: decoded twice, except for the defaults, which all share."""
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
    """The settings as PostgreSQL stores them. It orders members and writes numbers in its own way, and every later
    answer must have the same bytes."""
    return Settings.of(after.module, {**after.row, **row})
