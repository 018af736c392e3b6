"""Members: their profile, XP by hand, their activity in time, their roles, and their leaving."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg
from msgspec import UNSET

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Invalid, NotFound
from api.events.outbox import publish
from api.idempotency.store import store_answer
from api.lib.batch_loader import BatchLoader
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.faults import Fault
from api.members import queries, series
from api.members.dtos import (
    AdjustXp,
    MemberView,
    RoleQuery,
    SeriesQuery,
    SeriesView,
    UnlockedAchievement,
    XpAdjustedView,
)
from api.members.erasing import remove
from api.members.ledger import GUILD, Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.levels import RoleChanges, role_changes
from api.members.levelups import level_up
from api.members.member_events import adjusted, left
from api.members.naming import KnownNames
from api.members.profiles import Key, profile, rows
from api.members.standings import Standing, lock, read
from api.members.tombstones import set_up
from api.members.visibility import known_xp, refuse_hidden
from api.postgres.database import Connection, Database
from api.postgres.partitions import Partitions, around, hours_since
from api.postgres.reader import Reader
from api.settings.curves import MAX_XP
from tables.members import Member


class XpUnlocking(Protocol):
    """Awards the achievements that XP unlocks. Achievements import members, and not the other way round."""

    async def store_with_unlocks(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
        names: KnownNames,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores the ledger of a locked member whose XP was `before`, with the achievements that the change unlocks and
        their XP. Returns these achievements, and a function to call after the commit. `names`: the member's."""
        ...


class MemberService:
    def __init__(
        self,
        database: Database,
        reader: Reader,
        leveling_configs: LevelingConfigCache,
        partitions: Partitions,
        unlocking: XpUnlocking,
        clock: Clock,
        hours: timedelta,
    ) -> None:
        """`hours`: for how long activity by hour is kept."""
        self._database = database
        self._reader = reader
        self._hours = hours
        self._unlocking = unlocking
        self._leveling_configs = leveling_configs
        self._partitions = partitions
        self._clock = clock
        self._profiles = BatchLoader(self._read_profiles)

    def cached_config(self, guild_id: int) -> LevelingConfig | None:
        """The guild's leveling config, if it is in memory and fresh."""
        return self._leveling_configs.cached(guild_id)

    async def get(self, actor: Actor, guild_id: int, user_id: int) -> MemberView:
        """The profile. Raises `NotFound`."""
        config = await self._leveling_configs.get(guild_id)
        row = await self._profiles.get((guild_id, user_id))
        if row is None or (row["is_hidden"] and not actor.sees_hidden(user_id)):
            raise NotFound
        return profile(config, user_id, row, config.place_of(self._clock.now())[0])

    async def adjust_xp(self, actor: Actor, guild_id: int, user_id: int, data: AdjustXp) -> XpAdjustedView:
        """Gives, takes or sets XP, within 0 and 2^53; a guild's bot makes the member where there is none. An amount
        that is sent twice counts twice, unless it bears an idempotency key. Raises `Invalid`, `NotFound`."""
        _refuse(data)
        config, now = await self._leveling_configs.get(guild_id), self._clock.now()
        answer, after_commit = await self._partitions.write(
            around(now), lambda: self._adjust_xp(actor, config, user_id, data, now)
        )
        after_commit()
        return answer

    async def _adjust_xp(
        self, actor: Actor, config: LevelingConfig, user_id: int, data: AdjustXp, now: datetime
    ) -> tuple[XpAdjustedView, Callable[[], None]]:
        """The answer, and what to call after the commit."""
        guild_id = config.guild_id
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            standing = (await lock(connection, [(guild_id, user_id)]))[guild_id, user_id]
            before = standing.xp
            ledger = _with_xp(config, standing, _wanted(data, before), now)
            changed, names = Change(before, standing.xp), KnownNames()
            await names.look_up(connection, [standing])
            unlocked, after_commit = await self._unlocking.store_with_unlocks(
                connection, config, standing, ledger, now, before, names
            )
            if changed.before != changed.after:
                await record(
                    connection,
                    actor,
                    "member.xp_adjusted",
                    guild_ids=[guild_id],
                    target=str(user_id),
                    changes={"xp": changed},
                )
            theirs = names.of((guild_id, user_id))
            risen = level_up(config, user_id, before, standing.xp, names=theirs)
            await publish(connection, adjusted(config, user_id, before, standing.xp, risen, theirs))
            (row,) = await rows(connection, [(guild_id, user_id)])
            assert row is not None  # it is locked
            answer = XpAdjustedView(
                member=profile(config, user_id, row, config.day_of(now)),
                level_up=risen,
                achievements_unlocked=unlocked,
            )
            await store_answer(connection, actor.claim, answer)
        return answer, after_commit

    async def member_activity(self, actor: Actor, guild_id: int, user_id: int, query: SeriesQuery) -> SeriesView:
        """What a member did in time. Raises `Invalid`, `NotFound`."""
        if await self._reader.read(lambda c: known_xp(c, actor, guild_id, user_id)) is None:
            raise NotFound
        return await self._activity(guild_id, user_id, query)

    async def guild_activity(self, guild_id: int, query: SeriesQuery) -> SeriesView:
        """What all members did together in time. Raises `Invalid`, `NotFound`."""
        return await self._activity(guild_id, GUILD, query)

    async def role_rewards(self, actor: Actor, guild_id: int, user_id: int, query: RoleQuery) -> RoleChanges:
        """What makes the roles that the member has into those the level deserves; for somebody
        unknown, a guild's bot gets those of level 0. Raises `NotFound`."""
        config = await self._leveling_configs.get(guild_id)
        async with self._database.connection() as connection:
            xp = await known_xp(connection, actor, guild_id, user_id)
        held = [str(role) for role in query.role_ids]
        return role_changes(config.settings, config.level_curve.level(xp or 0), held)

    async def leave(self, actor: Actor, guild_id: int, user_id: int) -> None:
        """The member left. The guild's setting `on_leave` says whether their standing is kept, hidden or reset. Raises
        `NotFound`, also the second time."""
        config = await self._leveling_configs.get(guild_id)
        now, policy = self._clock.now(), config.settings.on_leave
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            if not await Member.lock(guild_id, user_id, present=True):
                raise NotFound
            standing = (await read(connection, [(guild_id, user_id)]))[guild_id, user_id]
            names = KnownNames()
            await names.look_up(connection, [standing])
            changes = {"left_at": Change(None, now)}
            if policy == "reset":
                changes["xp"] = Change(standing.xp, None)
                await remove(connection, standing)
                await set_up(connection, user_id, [guild_id], now, only_left=True)
            else:
                standing.left_at = now
                standing.is_ranked = standing.is_ranked and policy == "keep"
                ledger = Ledger()
                ledger.touch(standing)
                await ledger.store(connection)
            await record(connection, actor, "member.left", guild_ids=[guild_id], target=str(user_id), changes=changes)
            await publish(connection, [left(guild_id, user_id, names.of((guild_id, user_id)))])

    async def _read_profiles(self, keys: Sequence[Key]) -> list[asyncpg.Record | None]:
        async with self._database.connection() as connection:
            return await rows(connection, keys)

    async def _activity(self, guild_id: int, user_id: int, query: SeriesQuery) -> SeriesView:
        config = await self._leveling_configs.get(guild_id)
        now = self._clock.now()
        window = series.window(query, config, now, hours_since(now, self._hours))
        rows: list[asyncpg.Record] = []
        if window.starts:
            rows = await self._reader.read(lambda c: _rows(c, config, user_id, window))
        return SeriesView(window.bucket, window.from_, window.to, series.filled(config, window, rows))


async def _rows(
    connection: Connection, config: LevelingConfig, user_id: int, window: series.Window
) -> list[asyncpg.Record]:
    if window.bucket == "hour":
        return await connection.fetch(queries.HOURS, config.guild_id, user_id, *series.hours(window))
    return await connection.fetch(queries.DAYS, config.guild_id, user_id, *series.days(config, window))


def _refuse(data: AdjustXp) -> None:
    if (data.amount is UNSET) == (data.set is UNSET):
        message = "is required, unless `set` is given" if data.set is UNSET else "is not possible together with `set`"
        raise Invalid(errors=[Fault("/amount", message)])


def _wanted(data: AdjustXp, xp: int) -> int:
    if data.set is not UNSET:
        return data.set
    assert data.amount is not UNSET
    return min(max(xp + data.amount, 0), MAX_XP)


def _with_xp(config: LevelingConfig, standing: Standing, xp: int, now: datetime) -> Ledger:
    """Gives the locked member this XP; a ledger with the difference in today's and this hour's row."""
    ledger = Ledger()
    if not standing.xp and standing.first_seen_at is None and standing.last_active_at is None:
        standing.first_seen_at = now
    if xp != standing.xp:
        ledger.add(standing, config.day_of(now), config.hour_of(now), xp=xp - standing.xp)
        standing.xp = xp
    ledger.touch(standing)
    return ledger
