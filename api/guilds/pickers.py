"""Roles and channels, as the bot last sent them: what a dashboard's pickers offer."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Invalid, NotFound, PreconditionFailed
from api.guilds.dtos import NAME_CHARACTERS, ChannelsView, ChannelView, PutChannel, PutRole, RolesView, RoleView
from api.lib import etags
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.text import nfc, too_long
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database

V = TypeVar("V", RolesView, ChannelsView)


class _Kind(msgspec.Struct, Generic[V], frozen=True):
    """How one kind of list is stored."""

    noun: str
    stamp: str
    read: str
    remove: str
    upsert: str
    view: type[V]


ROLES = _Kind(
    noun="roles",
    stamp="roles_synced_at",
    read="SELECT role_id, name, position, color FROM guild_roles WHERE guild_id = $1 ORDER BY position DESC, role_id",
    remove="DELETE FROM guild_roles WHERE guild_id = $1 AND role_id <> ALL($2::bigint[])",
    upsert="""
        INSERT INTO guild_roles (guild_id, role_id, name, position, color)
        SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::int[], $5::int[])
        ON CONFLICT (guild_id, role_id) DO UPDATE
        SET name = EXCLUDED.name, position = EXCLUDED.position, color = EXCLUDED.color
    """,
    view=RolesView,
)

CHANNELS = _Kind(
    noun="channels",
    stamp="channels_synced_at",
    read="SELECT channel_id, name, type, parent_id, position FROM guild_channels WHERE guild_id = $1"
    " ORDER BY position, channel_id",
    remove="DELETE FROM guild_channels WHERE guild_id = $1 AND channel_id <> ALL($2::bigint[])",
    upsert="""
        INSERT INTO guild_channels (guild_id, channel_id, name, type, parent_id, position)
        SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::int[])
        ON CONFLICT (guild_id, channel_id) DO UPDATE
        SET name = EXCLUDED.name, type = EXCLUDED.type, parent_id = EXCLUDED.parent_id,
            position = EXCLUDED.position
    """,
    view=ChannelsView,
)


class PickerService:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock

    async def roles(self, guild_id: int) -> RolesView:
        """The roles, highest first."""
        async with self._database.connection() as connection:
            return await _roles(connection, guild_id)

    async def channels(self, guild_id: int) -> ChannelsView:
        """The channels, by position."""
        async with self._database.connection() as connection:
            return await _channels(connection, guild_id)

    async def replace_roles(
        self, actor: Actor, guild_id: int, roles: Sequence[PutRole], preconditions: Preconditions | None
    ) -> RolesView:
        """All roles at once; what is not named is gone. Sent twice, the second time changes nothing."""
        refuse(roles)
        columns = (
            [role.id for role in roles],
            [nfc(role.name) for role in roles],
            [role.position for role in roles],
            [role.color for role in roles],
        )
        async with self._database.transaction() as connection:
            await _lock(connection, guild_id)
            before = await _roles(connection, guild_id)
            _check(before, preconditions)
            await _replace(connection, ROLES, guild_id, columns)
            after = await _roles(connection, guild_id)
            await self._finish(connection, actor, guild_id, ROLES, before.items, after.items)
        self._watcher.invalidate("guild", {guild_id})
        return after

    async def replace_channels(
        self, actor: Actor, guild_id: int, channels: Sequence[PutChannel], preconditions: Preconditions | None
    ) -> ChannelsView:
        """All channels at once; what is not named is gone. Sent twice, the second time changes nothing."""
        refuse(channels)
        columns = (
            [channel.id for channel in channels],
            [nfc(channel.name) for channel in channels],
            [channel.type for channel in channels],
            [channel.parent_id for channel in channels],
            [channel.position for channel in channels],
        )
        async with self._database.transaction() as connection:
            await _lock(connection, guild_id)
            before = await _channels(connection, guild_id)
            _check(before, preconditions)
            await _replace(connection, CHANNELS, guild_id, columns)
            after = await _channels(connection, guild_id)
            await self._finish(connection, actor, guild_id, CHANNELS, before.items, after.items)
        self._watcher.invalidate("guild", {guild_id})
        return after

    async def _finish(
        self,
        connection: Connection,
        actor: Actor,
        guild_id: int,
        kind: _Kind[V],
        before: Sequence[RoleView | ChannelView],
        after: Sequence[RoleView | ChannelView],
    ) -> None:
        """Notes that they are known, and in the audit log what became of each."""
        was, now = {item.id: item for item in before}, {item.id: item for item in after}
        changes = {
            id_: Change(was.get(id_), now.get(id_))
            for id_ in sorted(was.keys() | now.keys())
            if was.get(id_) != now.get(id_)
        }
        first = await connection.fetchval(f"SELECT {kind.stamp} IS NULL FROM guilds WHERE id = $1", guild_id)
        if not changes and not first:
            return
        await connection.execute(f"UPDATE guilds SET {kind.stamp} = $2 WHERE id = $1", guild_id, self._clock.now())
        await record(
            connection,
            actor,
            f"{kind.noun}.updated",
            guild_ids=[guild_id],
            target=str(guild_id),
            changes=changes,
        )


async def _roles(connection: Connection, guild_id: int) -> RolesView:
    rows = await connection.fetch(ROLES.read, guild_id)
    return RolesView([RoleView(str(id_), name, position, color) for id_, name, position, color in rows])


async def _channels(connection: Connection, guild_id: int) -> ChannelsView:
    rows = await connection.fetch(CHANNELS.read, guild_id)
    return ChannelsView(
        [
            ChannelView(str(id_), name, type_, None if parent_id is None else str(parent_id), position)
            for id_, name, type_, parent_id, position in rows
        ]
    )


async def _lock(connection: Connection, guild_id: int) -> None:
    locked = await connection.fetchval(
        "SELECT 1 FROM guilds WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE", guild_id
    )
    if locked is None:
        raise NotFound


async def _replace(connection: Connection, kind: _Kind[V], guild_id: int, columns: Sequence[Sequence[object]]) -> None:
    await connection.execute(kind.remove, guild_id, columns[0])
    await connection.execute(kind.upsert, guild_id, *columns)


def _check(before: RolesView | ChannelsView, preconditions: Preconditions | None) -> None:
    if preconditions is not None and not preconditions.hold(etags.tag(msgspec.json.encode(before))):
        raise PreconditionFailed


def refuse(items: Sequence[PutRole | PutChannel]) -> None:
    """Raises `Invalid` for what the types cannot tell: names that grow too long, ids that come twice."""
    seen: set[int] = set()
    faults = []
    for place, item in enumerate(items):
        faults += too_long(f"/items/{place}/name", item.name, NAME_CHARACTERS)
        if item.id in seen:
            faults.append(Fault(f"/items/{place}/id", "is named more than once"))
        seen.add(item.id)
    if faults:
        raise Invalid(errors=faults)
