"""Roles and channels of guilds, as the bot last sent them. Dashboards offer them for selection."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from piccolo.columns import Column

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Invalid, NotFound, PreconditionFailed
from api.guilds import queries
from api.guilds.dtos import NAME_CHARACTERS, ChannelsView, ChannelView, PutChannel, PutRole, RolesView, RoleView
from api.lib import etags
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.text import cleaned_name, too_long
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from tables.guilds import Guild, GuildChannel, GuildRole
from tables.sql import Row, none_of

V = TypeVar("V", RolesView, ChannelsView)


class _Kind(msgspec.Struct, Generic[V], frozen=True):
    """How one kind of list is stored."""

    noun: str
    synced_at: Column
    table: type[GuildRole | GuildChannel]
    key: Column
    upsert: str
    view: type[V]


ROLES = _Kind("roles", Guild.roles_synced_at, GuildRole, GuildRole.role_id, queries.UPSERT_ROLES, RolesView)
CHANNELS = _Kind(
    "channels",
    Guild.channels_synced_at,
    GuildChannel,
    GuildChannel.channel_id,
    queries.UPSERT_CHANNELS,
    ChannelsView,
)


class RolesAndChannels:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock

    async def roles(self, guild_id: int) -> RolesView:
        """The roles, highest first."""
        return await _roles(guild_id)

    async def channels(self, guild_id: int) -> ChannelsView:
        """The channels, by position."""
        return await _channels(guild_id)

    async def replace_roles(
        self, actor: Actor, guild_id: int, roles: Sequence[PutRole], preconditions: Preconditions | None
    ) -> RolesView:
        """Replaces all roles. A second call changes nothing."""
        refuse(roles)
        columns = (
            [role.id for role in roles],
            [cleaned_name(role.name, str(role.id)) for role in roles],
            [role.position for role in roles],
            [role.color for role in roles],
        )
        async with self._database.transaction() as connection:
            await _lock(guild_id)
            before = await _roles(guild_id)
            _check(before, preconditions)
            await _replace(connection, ROLES, guild_id, columns)
            after = await _roles(guild_id)
            await self._finish(connection, actor, guild_id, ROLES, before.items, after.items)
        self._watcher.invalidate("guild", {guild_id})
        return after

    async def replace_channels(
        self, actor: Actor, guild_id: int, channels: Sequence[PutChannel], preconditions: Preconditions | None
    ) -> ChannelsView:
        """Replaces all channels. A second call changes nothing."""
        refuse(channels)
        columns = (
            [channel.id for channel in channels],
            [cleaned_name(channel.name, str(channel.id)) for channel in channels],
            [channel.type for channel in channels],
            [channel.parent_id for channel in channels],
            [channel.position for channel in channels],
        )
        async with self._database.transaction() as connection:
            await _lock(guild_id)
            before = await _channels(guild_id)
            _check(before, preconditions)
            await _replace(connection, CHANNELS, guild_id, columns)
            after = await _channels(guild_id)
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
        """Stores the time of the list, and an entry in the audit log with the changes."""
        was, now = {item.id: item for item in before}, {item.id: item for item in after}
        changes = {
            id_: Change(was.get(id_), now.get(id_))
            for id_ in sorted(was.keys() | now.keys())
            if was.get(id_) != now.get(id_)
        }
        is_first = await Guild.exists().where(Guild.id == guild_id, kind.synced_at.is_null())
        if not changes and not is_first:
            return
        await Guild.update({kind.synced_at: self._clock.now()}).where(Guild.id == guild_id)
        await record(
            connection,
            actor,
            f"{kind.noun}.updated",
            guild_ids=[guild_id],
            target=str(guild_id),
            changes=changes,
        )


async def _roles(guild_id: int) -> RolesView:
    query = GuildRole.select().where(GuildRole.guild_id == guild_id)
    rows = await query.order_by(GuildRole.position, ascending=False).order_by(GuildRole.role_id)
    return RolesView([RoleView(str(row["role_id"]), row["name"], row["position"], row["color"]) for row in rows])


async def _channels(guild_id: int) -> ChannelsView:
    query = GuildChannel.select().where(GuildChannel.guild_id == guild_id)
    rows = await query.order_by(GuildChannel.position, GuildChannel.channel_id)
    return ChannelsView([_channel(row) for row in rows])


def _channel(row: Row) -> ChannelView:
    parent_id = None if row["parent_id"] is None else str(row["parent_id"])
    return ChannelView(str(row["channel_id"]), row["name"], row["type"], parent_id, row["position"])


async def _lock(guild_id: int) -> None:
    if not await Guild.lock(guild_id):
        raise NotFound


async def _replace(connection: Connection, kind: _Kind[V], guild_id: int, columns: Sequence[Sequence[object]]) -> None:
    await kind.table.delete().where(kind.table.guild_id == guild_id, none_of(kind.key, columns[0]))
    await connection.execute(kind.upsert, guild_id, *columns)


def _check(before: RolesView | ChannelsView, preconditions: Preconditions | None) -> None:
    if preconditions is not None and not preconditions.hold(etags.tag(msgspec.json.encode(before))):
        raise PreconditionFailed


def refuse(items: Sequence[PutRole | PutChannel]) -> None:
    """Raises `Invalid` for faults that the types cannot find: names that become too long, repeated ids."""
    seen: set[int] = set()
    faults = []
    for place, item in enumerate(items):
        faults += too_long(f"/items/{place}/name", cleaned_name(item.name, str(item.id)), NAME_CHARACTERS)
        if item.id in seen:
            faults.append(Fault(f"/items/{place}/id", "is named more than once"))
        seen.add(item.id)
    if faults:
        raise Invalid(errors=faults)
