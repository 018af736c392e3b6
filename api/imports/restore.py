"""The restore of a guild's export, on this or another installation; members and days by the mode."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from api.achievements.dtos import CreateAchievement
from api.achievements.service import AchievementService
from api.activity import locks
from api.activity.stat_names import StatNames
from api.errors import Conflict, Invalid, NotFound
from api.guilds.dtos import PutGuild
from api.guilds.roles_and_channels import RolesAndChannels, refuse
from api.guilds.rules import faults as guild_faults
from api.guilds.rules import received
from api.guilds.service import GuildService
from api.imports.lines import AchievementLine, ChannelsLine, MemberLine, Read, RolesLine, SettingsLine
from api.imports.queries import PRIVATE
from api.imports.restored_awards import restore_awards, with_achievement
from api.imports.restored_days import partitions_for, restore_days, restore_hours, restore_ids, restore_stat_days
from api.imports.restored_lines import Headed, read_all
from api.imports.restored_members import restore_members
from api.imports.restored_stats import with_room
from api.imports.work import Work
from api.lib.clock import Clock
from api.lib.faults import Fault
from api.lib.snowflakes import Snowflake
from api.lib.text import cleaned_name
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.visibility import hide
from api.postgres.database import Connection, Database
from api.postgres.partitions import Partitions
from api.settings.service import SettingsService

_PLACE: Mapping[type, str] = {
    PutGuild: "/guild",
    RolesLine: "/roles",
    ChannelsLine: "/channels",
    SettingsLine: "/settings/overrides",
    AchievementLine: "/achievement",
}

_STORE: Mapping[str, Callable[[Connection, Work, LevelingConfig, Sequence[Any]], Awaitable[int]]] = {
    "member": restore_members,
    "award": restore_awards,
    "day": restore_days,
    "hour": restore_hours,
    "stat_day": restore_stat_days,
    "event_ids": restore_ids,
}  # Any: each is given its own kind


class Restore:
    def __init__(
        self,
        database: Database,
        leveling_configs: LevelingConfigCache,
        partitions: Partitions,
        clock: Clock,
        guilds: GuildService,
        roles_and_channels: RolesAndChannels,
        settings: SettingsService,
        achievements: AchievementService,
    ) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._stat_names = StatNames(database)
        self._partitions = partitions
        self._clock = clock
        self._guilds = guilds
        self._roles_and_channels = roles_and_channels
        self._settings = settings
        self._achievements = achievements

    async def run(self, work: Work) -> None:
        """Does the rest of the import. Raises `Broken`, `LeaseLost`, `NotFound`."""
        await work.check(Headed())
        now = self._clock.now()
        async for batch in work.batches(Headed()):
            work.reached_byte()
            read = await asyncio.to_thread(read_all, batch, now)
            for kind, group in groupby(read, key=lambda each: each.kind):
                await self._restore(work, kind, list(group))

    async def _restore(self, work: Work, kind: str, group: Sequence[Read]) -> None:
        """Restores consecutive lines of one kind."""
        last = group[-1].number
        if kind in _STORE:
            await work.renew_rights()
            allowed = [each for each in group if _may(work, each)]
            config = await self._leveling_configs.get(work.guild_id)
            if kind == "award":
                allowed = await with_achievement(self._database, work, allowed)
            await self._store(work, kind, await with_room(self._stat_names, work, config, allowed), last)
            return
        for each in group:
            await work.renew_rights()
            if _may(work, each):
                await self._configure(work, each.number, each.item)
        async with work.step(upto=last, kept=True):
            pass

    async def _store(self, work: Work, kind: str, group: Sequence[Read], last: int) -> None:
        """Stores lines of members and their data in batches, without people who opted out."""
        users = {user for each in group if (user := getattr(each.item, "user_id", None)) is not None}
        async with self._database.connection() as connection:
            found = await connection.fetch(PRIVATE, work.guild_id, list(users), work.asked_at, work.hidden_seen)
            private = {row[0] for row in found}
            if work.shows_nobody:
                group, private = [_as_nobody(work, each, private) for each in group], set()
            public = [each for each in group if getattr(each.item, "user_id", None) not in private]
            kept = [each.item for each in public]
        hidden = [item.user_id for item in kept if isinstance(item, MemberLine) and item.is_hidden]
        if hidden and not work.dry_run:
            async with self._database.transaction() as connection:
                await hide(connection, work.actor, hidden, self._clock.now())
        config = await self._leveling_configs.get(work.guild_id)

        async def store() -> None:
            begin = locks.share([work.guild_id], alone=True)
            async with work.paced_step(len(group), upto=last, begin=begin) as connection:
                counted = await _counting(connection, work, kind, public)
                # None, where all are of people of whom nothing is taken.
                changed = await _STORE[kind](connection, work, config, counted) if counted else 0
                work.imported += changed
                work.unchanged += len(group) - changed

        await self._partitions.write(partitions_for(kept), store)

    async def _configure(self, work: Work, number: int, item: object) -> None:
        """Restores a line through the services: nothing to add or compare. Done twice, the second time changes
        nothing."""
        try:
            await (self._check if work.dry_run else self._put)(work, item)
        except Invalid as invalid:
            fault = next((fault for fault in invalid.errors if isinstance(fault, Fault)), Fault("", invalid.detail))
            work.refuse(number, Fault(_PLACE[type(item)] + fault.pointer, fault.message))
        except Conflict as conflict:
            work.refuse(number, Fault(_PLACE[type(item)], conflict.detail))
        except NotFound:
            if not isinstance(item, SettingsLine):
                raise
            work.refuse(
                number,
                Fault("/settings/module", "is not a module of this installation: its bot has to register it first"),
            )
        else:
            work.imported += 1

    async def _check(self, work: Work, item: object) -> None:
        """Validates a line of a dry run by itself, with the errors of `_put`: data of other lines does not exist
        there."""
        match item:
            case PutGuild():
                if found := guild_faults(received(item, work.guild_id)):
                    raise Invalid(errors=found)
            case RolesLine() | ChannelsLine():
                refuse(item.items)
            case AchievementLine():
                await self._achievements.drafts.check(work.guild_id, _data(item))
                work.tried_achievements.add(item.key)
            case SettingsLine():
                await self._settings.check(item.module, item.overrides)

    async def _put(self, work: Work, item: object) -> None:
        actor, guild_id = work.actor, work.guild_id
        match item:
            case PutGuild():
                await self._guilds.patch(actor, guild_id, received(item, guild_id), None)
            case RolesLine():
                await self._roles_and_channels.replace_roles(actor, guild_id, item.items, None)
            case ChannelsLine():
                await self._roles_and_channels.replace_channels(actor, guild_id, item.items, None)
            case AchievementLine():
                await self._achievements.put(actor, guild_id, _data(item), deleted=item.deleted)
            case SettingsLine():
                await self._settings.replace(actor, guild_id, item.module, item.overrides, None)


async def _counting(connection: Connection, work: Work, kind: str, group: Sequence[Read]) -> list[Any]:
    """The lines that count: a member once, and not again after an earlier attempt."""
    if kind == "member":
        rows = [(each.number, int(each.item.user_id)) for each in group]
        counts = await work.counting(connection, rows)
        return [each.item for each, is_counted in zip(group, counts, strict=True) if is_counted]
    return [each.item for each in group if each.number > work.counted_before]


def _as_nobody(work: Work, each: Read, private: Collection[int]) -> Read:
    """The line as it is, or of one of whom nothing is taken, as one of somebody unknown."""
    user_id = getattr(each.item, "user_id", None)
    if user_id is None or user_id not in private:
        return each
    unknown = msgspec.structs.replace(each.item, user_id=Snowflake(work.stand_in(int(user_id))))
    return msgspec.structs.replace(each, item=unknown)


def _may(work: Work, each: Read) -> bool:
    """Whether the rights allow a line; refuses it if not."""
    fault = each.item if isinstance(each.item, Fault) else work.rights.fault(each.kind, each.item)
    if fault is not None:
        work.refuse(each.number, fault)
    return fault is None


def _data(line: AchievementLine) -> CreateAchievement:
    data = CreateAchievement(**{name: getattr(line, name) for name in CreateAchievement.__struct_fields__})
    return msgspec.structs.replace(data, name=cleaned_name(data.name, data.key))
