"""Definitions of achievements, of a guild or of the whole installation: create, change, delete, restore."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import asyncpg
from piccolo.columns import And, Or, Where

from api.achievements import definitions, queries, rules
from api.achievements.drafts import Drafts, neighbours, refuse, refuse_circle, refuse_too_many
from api.achievements.dtos import (
    KEY_PATTERN,
    AchievementQuery,
    AchievementView,
    ChangedAchievementView,
    CreateAchievement,
    PatchAchievement,
)
from api.achievements.eligibility import Eligibility
from api.achievements.jobs import KIND
from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Conflict, NotFound, PreconditionFailed
from api.guilds.rules import INSTALLATION
from api.idempotency.store import store_answer
from api.lib.clock import Clock
from api.lib.encoded import Encoded
from api.lib.etags import Preconditions
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from tables.achievements import Achievement
from tables.jobs import Job
from tables.sql import Row

is_key = re.compile(KEY_PATTERN.strip("^$"), re.ASCII).fullmatch


class AchievementService:
    def __init__(
        self,
        database: Database,
        watcher: ChangeWatcher,
        cursors: Cursors,
        clock: Clock,
        drafts: Drafts,
        eligibility: Eligibility,
        *,
        retention: timedelta,
        wake: Callable[[], None],
    ) -> None:
        """`retention`: how long a deleted one can be restored. `wake`: makes the worker look for a job.

        In all methods, the guild `INSTALLATION` stands for the whole installation."""
        self._database = database
        self._watcher = watcher
        self._cursors = cursors
        self._clock = clock
        self.drafts = drafts
        self._eligibility = eligibility
        self._retention = retention
        self._wake = wake

    async def require(self, guild_id: int, key: str, *, deleted: bool = False, anywhere: bool = False) -> None:
        """Raises `NotFound` if there is no such achievement. With `deleted` it may be one that can be restored; with
        `anywhere` one of the whole installation, or one whose retention has ended."""
        if is_key(key) is None:
            raise NotFound
        if anywhere:
            found: And | Or = Achievement.is_of(guild_id, key) | Achievement.is_of(INSTALLATION, key)
        else:
            there: Where | Or = Achievement.deleted_at.is_null()
            if deleted:
                there |= Achievement.deleted_at > self._retained_since()
            found = Achievement.is_of(guild_id, key) & there
        if not await Achievement.exists().where(found):
            raise NotFound

    async def create(self, actor: Actor, guild_id: int, data: CreateAchievement) -> Encoded[AchievementView]:
        """Creates an achievement. A second call is a conflict. When the retention of a deleted achievement ends, its
        key is free again: its row is reused. Raises `Invalid`, `NotFound`, `Conflict`."""
        faults = await self.drafts.faults(guild_id, data)
        async with self._database.transaction(queries.lock(guild_id)) as connection:
            known = await refuse(connection, guild_id, data, faults)
            before = await Achievement.locked(guild_id, data.key)
            if before is not None and before["deleted_at"] is None:
                raise Conflict(f"There is already an achievement `{data.key}`.")
            if before is not None and before["deleted_at"] > self._retained_since():
                raise Conflict(f"A deleted achievement has the key `{data.key}`: restore it, or choose another key.")
            refuse_too_many(known)
            after = await Achievement.store(guild_id, data.key, before, definitions.stored(data), self._clock.now())
            row = await self._finish(connection, actor, "achievement.created", before, after, award=True)
            answer = definitions.answer(row)
            await store_answer(connection, actor.claim, answer, status=201)
        self._invalidate(guild_id)
        return answer

    async def put(self, actor: Actor, guild_id: int, data: CreateAchievement, *, deleted: bool = False) -> bool:
        """Creates or replaces the achievement under its key, without a backfill: holders come from the import, or earn
        it later. Returns whether anything changed. Raises `Invalid`, `NotFound`, `Conflict`."""
        faults = await self.drafts.faults(guild_id, data)
        async with self._database.transaction(queries.lock(guild_id)) as connection:
            known = await refuse(connection, guild_id, data, faults)
            before = await Achievement.locked(guild_id, data.key)
            is_there = before is not None and before["deleted_at"] is None
            if not is_there and not deleted:
                refuse_too_many(known)
            if (
                before is not None
                and is_there != deleted
                and definitions.stored(definitions.data_of(before)) == definitions.stored(data)
            ):
                return False
            now = self._clock.now()
            after = await Achievement.store(guild_id, data.key, before, definitions.stored(data), now)
            if deleted:
                await Achievement.mark_deleted(after["id"], now)
            visible = {**after, "deleted_at": now if deleted else None}
            for action, was, becomes in definitions.steps(before, visible):
                await _record(connection, actor, action, was, becomes)
        self._invalidate(guild_id)
        return True

    async def patch(
        self, actor: Actor, guild_id: int, key: str, patch: PatchAchievement, preconditions: Preconditions | None
    ) -> Encoded[ChangedAchievementView]:
        """Changes an achievement. Its holders keep it. A second call changes nothing. Raises `NotFound`,
        `PreconditionFailed`, `Invalid`."""
        top_level = await self.drafts.top_level(guild_id)
        async with self._database.transaction(queries.lock(guild_id)) as connection:
            before = await self._locked(guild_id, key, preconditions)
            was = definitions.data_of(before)
            data = definitions.patched(was, patch)
            await refuse(connection, guild_id, data, rules.faults(data, top_level), was)
            if definitions.stored(data) == definitions.stored(was):
                return definitions.changed_answer(await self._read(connection, guild_id, key), None)
            after = await Achievement.store(guild_id, data.key, before, definitions.stored(data), self._clock.now())
            award = data.condition != was.condition or data.prerequisites != was.prerequisites or not was.retroactive
            row = await self._finish(connection, actor, "achievement.updated", before, after, award=award)
        self._invalidate(guild_id)
        failing = None
        if data.condition != was.condition:
            failing = await self._eligibility.not_qualifying(row["id"], data.condition)
        return definitions.changed_answer(row, failing)

    async def get(self, actor: Actor, guild_id: int, key: str) -> Encoded[AchievementView]:
        """An achievement, counted in the guilds that the actor sees. Raises `NotFound`."""
        async with self._database.connection() as connection:
            row = await self._read(connection, guild_id, key, actor.guild_list())
        if row["deleted_at"] is not None:
            raise NotFound
        return definitions.answer(row)

    async def list_achievements(self, actor: Actor, guild_id: int, query: AchievementQuery) -> Page[AchievementView]:
        """Achievements in the order of their creation, counted in the guilds that the actor sees. With `deleted`, those
        that can be restored."""
        limit = min(query.limit, 100)
        scope = f"achievements:{guild_id}:{query.deleted}:{actor.id}"
        after = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else 0
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                queries.LIST, guild_id, after, query.deleted, self._retained_since(), limit + 1, actor.guild_list()
            )
        return paginate(
            rows,
            limit,
            definitions.to_view,
            lambda row: self._cursors.write(scope, [row["id"]]),
            lambda row: 600 + len(row["condition"]) + 4 * len(row["description"] or ""),
        )

    async def delete(self, actor: Actor, guild_id: int, key: str, preconditions: Preconditions | None) -> None:
        """Deletes an achievement. Nobody can earn it any more; its holders keep it. Raises `NotFound`, also at a second
        call, and `PreconditionFailed`."""
        async with self._database.transaction(queries.lock(guild_id)) as connection:
            before = await self._locked(guild_id, key, preconditions)
            now = self._clock.now()
            await Achievement.mark_deleted(before["id"], now)
            await _record(connection, actor, "achievement.deleted", before, {**before, "deleted_at": now})
        self._invalidate(guild_id)

    async def restore(self, actor: Actor, guild_id: int, key: str) -> Encoded[AchievementView]:
        """Restores a deleted achievement; another one does not change. Raises `NotFound` after the retention, and
        `Conflict` if it would be part of a circle, or if there are too many."""
        async with self._database.transaction(queries.lock(guild_id)) as connection:
            before = await Achievement.locked(guild_id, key)
            if before is None:
                raise NotFound
            if before["deleted_at"] is None:
                answer = definitions.answer(await self._read(connection, guild_id, key))
                await store_answer(connection, actor.claim, answer)
                return answer
            if before["deleted_at"] <= self._retained_since():
                raise NotFound
            known = await neighbours(connection, guild_id)
            refuse_too_many(known)
            refuse_circle(before, known)
            after = await Achievement.change(before["id"], {}, self._clock.now())
            row = await self._finish(connection, actor, "achievement.restored", before, after, award=True)
            answer = definitions.answer(row)
            await store_answer(connection, actor.claim, answer)
        self._invalidate(guild_id)
        return answer

    async def _locked(self, guild_id: int, key: str, preconditions: Preconditions | None) -> Row:
        row = await Achievement.locked(guild_id, key)
        if row is None or row["deleted_at"] is not None:
            raise NotFound
        if not definitions.matches(row, preconditions):
            raise PreconditionFailed
        return row

    async def _read(
        self, connection: Connection, guild_id: int, key: str, seen: list[int] | None = None
    ) -> asyncpg.Record:
        row = await connection.fetchrow(queries.READ, guild_id, key, self._retained_since(), seen)
        if row is None:
            raise NotFound
        return row

    async def _finish(
        self, connection: Connection, actor: Actor, action: str, before: Row | None, after: Row, *, award: bool
    ) -> asyncpg.Record:
        """Writes the audit entry, and adds a backfill. Returns the row for the view."""
        guild_id = after["guild_id"] or INSTALLATION
        await _record(connection, actor, action, before, after)
        if award and after["retroactive"]:
            # The job before its progress: the worker locks them in this order.
            await Job.put_once(KIND, after["id"])
            await connection.execute(queries.BEGIN_BACKFILL, after["id"], guild_id)
        return await self._read(connection, guild_id, after["key"])

    def _invalidate(self, guild_id: int) -> None:
        self._watcher.invalidate("achievement", {guild_id})
        self._wake()

    def _retained_since(self) -> datetime:
        return self._clock.now() - self._retention


async def _record(connection: Connection, actor: Actor, action: str, before: Row | None, after: Row) -> None:
    changed = definitions.changes(before, after)
    await record(connection, actor, action, guild_ids=[after["guild_id"]], target=after["key"], changes=changed)
