"""Guilds: create, change, delete and restore them."""

from typing import Any, cast

import msgspec
from piccolo.columns import Column, Or, Where

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Invalid, NotFound, PreconditionFailed, Unauthorized
from api.events.outbox import OutboxEvent, publish
from api.guilds import rules
from api.guilds.dtos import GuildView, PatchGuild, PutGuild
from api.guilds.purging import Purging
from api.idempotency.store import store_answer
from api.lib import etags
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from tables.auth import ApiKey
from tables.guilds import Guild
from tables.sql import DEFAULT, Row, one_of

_SHOWN = (
    Guild.id,
    Guild.name,
    Guild.icon,
    Guild.owner_id,
    Guild.locale,
    Guild.timezone,
    Guild.created_at,
    Guild.updated_at,
    Guild.deleted_at,
)


class RetentionEnded(Exception):
    """A guild with this id was deleted, its retention has ended, and it is not purged yet."""


class GuildService:
    def __init__(
        self, database: Database, watcher: ChangeWatcher, cursors: Cursors, clock: Clock, purging: Purging
    ) -> None:
        self._database = database
        self._watcher = watcher
        self._cursors = cursors
        self._clock = clock
        self._purging = purging

    async def put(
        self, actor: Actor, guild_id: int, data: PutGuild, preconditions: Preconditions | None
    ) -> tuple[GuildView, bool]:
        """Creates, changes or restores a guild. Returns whether it was created. A second call changes nothing. A guild
        whose retention has ended is purged first and created again. For a large one this may take longer than a
        request; the next request continues. Raises `Unauthorized` for a key that ended with the purged guild."""
        patch = rules.received(data, guild_id)
        _refuse(patch)
        while True:
            try:
                return await self._put(actor, guild_id, patch, preconditions)
            except RetentionEnded:
                await self._purging.purge(guild_id)

    async def _put(
        self, actor: Actor, guild_id: int, data: PatchGuild, preconditions: Preconditions | None
    ) -> tuple[GuildView, bool]:
        columns = rules.values(data)
        async with self._database.transaction() as connection:
            may_be_new = preconditions is None or not preconditions.need_it
            row = await self._insert(guild_id, columns) if may_be_new else None
            before = None
            if row is None:
                before = await self._locked(guild_id, preconditions, deleted=True)
                row = await self._update(before, {**columns, "deleted_at": None})
            else:
                await _refuse_ended_key(actor)
            await self._record(connection, actor, _action(before), before, row)
        self._watcher.invalidate("guild", {guild_id})
        return to_view(row), before is None

    async def patch(
        self, actor: Actor, guild_id: int, data: PatchGuild, preconditions: Preconditions | None
    ) -> GuildView:
        """Changes a guild. A second call changes nothing. Raises `NotFound`, `Invalid`."""
        _refuse(data)
        async with self._database.transaction() as connection:
            before = await self._locked(guild_id, preconditions)
            row = await self._update(before, rules.values(data))
            await self._record(connection, actor, "guild.updated", before, row)
        self._watcher.invalidate("guild", {guild_id})
        return to_view(row)

    async def get(self, guild_id: int) -> GuildView:
        """One guild. Raises `NotFound`."""
        row = await Guild.select(*_SHOWN).where(Guild.id == guild_id, Guild.deleted_at.is_null()).first()
        if row is None:
            raise NotFound
        return to_view(row)

    async def list_guilds(self, actor: Actor, *, limit: int, cursor: str | None, deleted: bool) -> Page[GuildView]:
        """The guilds that the actor sees, by id; with `deleted` those that can be restored."""
        limit = min(limit, 100)
        scope = f"guilds:{deleted}:{actor.id}"
        after = self._cursors.read(scope, cursor)[0] if cursor is not None else 0
        seen = actor.guild_list()
        kept = Guild.deleted_at > self._purging.retained_since() if deleted else Guild.deleted_at.is_null()
        query = Guild.select(*_SHOWN).where(Guild.id > after, kept).order_by(Guild.id).limit(limit + 1)
        if seen is not None:  # an actor who sees some guilds: look those up, instead of filtering all
            query = query.where(one_of(Guild.id, seen))
        return paginate(await query, limit, to_view, lambda row: self._cursors.write(scope, [row["id"]]))

    async def delete(self, actor: Actor, guild_id: int, preconditions: Preconditions | None) -> None:
        """Deletes a guild that the bot left: hidden from now on, stored until the retention ends. Raises `NotFound`,
        also at a second call."""
        async with self._database.transaction() as connection:
            before = await self._locked(guild_id, preconditions)
            row = await self._update(before, {"deleted_at": self._clock.now()})
            await self._record(connection, actor, "guild.deleted", before, row)
        self._watcher.invalidate("guild", {guild_id})

    async def restore(self, actor: Actor, guild_id: int) -> GuildView:
        """Undoes the deletion. A guild that is not deleted does not change. Raises `NotFound` if it never existed or
        its retention has ended."""
        async with self._database.transaction() as connection:
            before = await self._locked(guild_id, None, deleted=True)
            row = await self._update(before, {"deleted_at": None})
            await self._record(connection, actor, "guild.restored", before, row)
            answer = to_view(row)
            await store_answer(connection, actor.claim, encoded(answer))
        self._watcher.invalidate("guild", {guild_id})
        return answer

    async def _insert(self, guild_id: int, columns: dict[str, Any]) -> Row | None:  # Any: a column's value
        """Inserts a new guild, and returns its row; None if there is one already. Raises `RetentionEnded`."""
        first: dict[str, Any] = {**rules.FIRST_VALUES, **columns}  # Any: the same
        guild = Guild(id=guild_id, created_at=DEFAULT, updated_at=DEFAULT, **first)
        rows = await Guild.insert(guild).on_conflict(Guild.id, "DO NOTHING").returning(*_SHOWN)
        if rows:
            return rows[0]
        there = await Guild.select(Guild.deleted_at).where(Guild.id == guild_id).lock_rows().first()
        if there is None:  # it was purged just now
            raise RetentionEnded
        if there["deleted_at"] is not None and there["deleted_at"] <= self._purging.retained_since():
            raise RetentionEnded
        return None

    async def _locked(self, guild_id: int, preconditions: Preconditions | None, *, deleted: bool = False) -> Row:
        """The row, locked until the transaction ends, if the preconditions hold."""
        kept: Where | Or = Guild.deleted_at.is_null()
        if deleted:
            kept |= Guild.deleted_at > self._purging.retained_since()
        row = await Guild.select(*_SHOWN).where(Guild.id == guild_id, kept).lock_rows().first()
        if row is None:
            raise PreconditionFailed if deleted and preconditions is not None and preconditions.need_it else NotFound
        exists = row["deleted_at"] is None
        if preconditions is not None and not preconditions.hold(tag(row), exists=exists):
            raise PreconditionFailed
        return row

    async def _update(self, before: Row, columns: dict[str, Any]) -> Row:  # Any: a column's value
        changed: dict[Column | str, Any] = {name: value for name, value in columns.items() if before[name] != value}
        if not changed:
            return before
        [row] = await Guild.update(changed).where(Guild.id == before["id"]).returning(*_SHOWN)
        return cast("Row", row)

    async def _record(self, connection: Connection, actor: Actor, action: str, before: Row | None, after: Row) -> None:
        if before is after:
            return
        changed: dict[str, Change] = rules.changes(None if before is None else dict(before), dict(after))
        await record(connection, actor, action, guild_ids=[after["id"]], target=str(after["id"]), changes=changed)
        # The owner is missing: a person.
        data = {name: after[name] for name in ("name", "icon", "locale", "timezone")}
        await publish(connection, [OutboxEvent(after["id"], action, data | {"changed": sorted(changed)})])


async def _refuse_ended_key(actor: Actor) -> None:
    """Raises `Unauthorized` for a key with a list of guilds that has ended since it was cached: purging a guild ends
    its keys. Call it after the guild is inserted, which waits for a purge."""
    credential = actor.credential
    if credential is None or credential.guild_ids is None:
        return
    if not await ApiKey.exists().where(ApiKey.id == credential.id, ApiKey.revoked_at.is_null()):
        raise Unauthorized("This key has ended.")


def _action(before: Row | None) -> str:
    if before is None:
        return "guild.created"
    return "guild.updated" if before["deleted_at"] is None else "guild.restored"


def _refuse(data: PatchGuild) -> None:
    if found := rules.faults(data):
        raise Invalid(errors=found)


def tag(row: Row) -> str:
    """The present entity tag of the guild."""
    return etags.tag(msgspec.json.encode(to_view(row)))


def to_view(row: Row) -> GuildView:
    """The view of a guild's row."""
    return GuildView(
        id=str(row["id"]),
        name=row["name"],
        icon=row["icon"],
        owner_id=None if row["owner_id"] is None else str(row["owner_id"]),
        locale=row["locale"],
        timezone=row["timezone"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )
