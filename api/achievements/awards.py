"""A member's achievements, awarding and revoking by hand."""

from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg
import msgspec

from api.achievements import conditions, queries
from api.achievements.candidates import Moved
from api.achievements.conditions import Metric
from api.achievements.dtos import AwardedView, MemberAchievementsView, MemberAchievementView
from api.achievements.index import Definition, values_from_row
from api.achievements.index_cache import AchievementIndexCache, definition
from api.achievements.unlocking import Unlocking, award_event, grant_xp, to_unlocked
from api.achievements.values import MetricRequest, look_up
from api.audit.service import record
from api.auth.actors import Actor
from api.errors import NotFound
from api.events.outbox import publish
from api.lib.clock import Clock
from api.lib.diff import Change
from api.members.dtos import UnlockedAchievement
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.levelups import level_up
from api.members.member_events import adjusted
from api.members.names import UNKNOWN
from api.members.naming import KnownNames
from api.members.standings import Standing, lock, read
from api.members.visibility import known_xp, refuse_hidden
from api.postgres.database import Connection, Database
from api.postgres.partitions import Partitions, around
from tables.achievements import Award

MOST_ICONS = 50  # of one member's awards


class AwardService:
    def __init__(
        self,
        database: Database,
        leveling_configs: LevelingConfigCache,
        indexes: AchievementIndexCache,
        unlocking: Unlocking,
        partitions: Partitions,
        clock: Clock,
    ) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._indexes = indexes
        self._unlocking = unlocking
        self._partitions = partitions
        self._clock = clock

    async def list_of(self, actor: Actor, guild_id: int, user_id: int) -> MemberAchievementsView:
        """The achievements that the member has or may earn, oldest definition first; hidden ones only if the member has
        them. Raises `NotFound`."""
        config = await self._leveling_configs.get(guild_id)
        async with self._database.connection() as connection:
            if await known_xp(connection, actor, guild_id, user_id) is None:
                raise NotFound
            standing = (await read(connection, [(guild_id, user_id)])).get((guild_id, user_id))
            if standing is None:  # the member has just been removed
                raise NotFound
            index = (await self._indexes.of([guild_id], connection))[guild_id].index
            held = {row["id"]: row for row in await connection.fetch(queries.HELD, standing.id)}
            shown = {each.id: each for each in index.definitions if each.id in held or not each.hidden}
            shown |= {id_: definition(row, {}) for id_, row in held.items() if id_ not in shown}
            values = await self._values(connection, config, standing, list(shown.values()))
            described = await _descriptions(connection, list(shown))
        return MemberAchievementsView(
            [_item(each, held.get(id_), values, described[id_]) for id_, each in sorted(shown.items())]
        )

    async def latest_icons(self, guild_id: int, user_id: int) -> list[str]:
        """The icons of the member's latest awards, newest first, as far as they are no addresses."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.LATEST_ICONS, guild_id, user_id, MOST_ICONS)
        return [row["icon"] for row in rows]

    async def award(self, actor: Actor, guild_id: int, user_id: int, key: str) -> tuple[AwardedView, bool]:
        """Awards an achievement with its rewards, whatever its condition says. Returns whether it is new: a member who
        has it keeps it, and nothing changes. Raises `NotFound`."""
        config, now = await self._leveling_configs.get(guild_id), self._clock.now()
        view, after_commit = await self._partitions.write(
            around(now), lambda: self._award(actor, config, user_id, key, now)
        )
        if after_commit is not None:
            after_commit()
        return view, after_commit is not None

    async def _award(
        self, actor: Actor, config: LevelingConfig, user_id: int, key: str, now: datetime
    ) -> tuple[AwardedView, Callable[[], None] | None]:
        """The answer, and a function to call after the commit; None if nothing changed."""
        guild_id = config.guild_id
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(queries.EARNED, guild_id, key)
            if row is None:
                raise NotFound
            await refuse_hidden(connection, actor, guild_id, user_id)
            wanted = await self._with_requirements(connection, guild_id, row)
            standing = (await lock(connection, [(guild_id, user_id)]))[guild_id, user_id]
            before = standing.xp
            known = await Award.select().where(Award.is_of(standing.id, wanted.id)).first()
            if known is not None and known["revoked_at"] is None:
                return await self._to_view(connection, config, standing, wanted, known["awarded_at"]), None
            ledger, names = Ledger(), KnownNames()
            await names.look_up(connection, [standing])
            if not standing.xp and standing.first_seen_at is None and standing.last_active_at is None:
                standing.first_seen_at = now  # the member is new: counters and boards do not have them yet
                ledger.touch(standing)
            kept = 0
            if known is not None:
                kept = known["xp"]
                await Award.delete().where(Award.is_of(standing.id, wanted.id))
            # A member who kept the XP at the revocation already has it.
            forced = msgspec.structs.replace(wanted, reward_xp=0) if kept else wanted
            moved = Moved(config, standing, forced=forced)
            result = await self._unlocking.evaluate_and_store(
                connection, [moved], ledger, now, names, by=f"{actor.kind} {actor.id}"
            )
            if kept:
                await Award.update({Award.xp: kept}).where(Award.is_of(standing.id, wanted.id))
            theirs = names.of((guild_id, user_id))
            risen = level_up(config, user_id, before, standing.xp, names=theirs)
            await publish(connection, adjusted(config, user_id, before, standing.xp, risen, theirs))
            changes = {"achievement": Change(None, key), "xp": Change(before, standing.xp)}
            await _record(connection, actor, "achievement.awarded", guild_id, user_id, changes)
            others = [each for each in result.unlocked[guild_id, user_id] if each.achievement != key]
            view = await self._to_view(connection, config, standing, wanted, now)
        return msgspec.structs.replace(view, level_up=risen, achievements_unlocked=others), result.after_commit

    async def revoke(self, actor: Actor, guild_id: int, user_id: int, key: str, *, keep_rewards: bool) -> None:
        """Revokes an achievement, and takes back its XP unless `keep_rewards`. It stays revoked until it is awarded by
        hand. Raises `NotFound` if the member does not have it, so also at a second call."""
        config, now = await self._leveling_configs.get(guild_id), self._clock.now()
        await self._partitions.write(
            around(now), lambda: self._revoke(actor, config, user_id, key, now, keep_rewards=keep_rewards)
        )

    async def _revoke(
        self, actor: Actor, config: LevelingConfig, user_id: int, key: str, now: datetime, *, keep_rewards: bool
    ) -> None:
        guild_id = config.guild_id
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            if await connection.fetchrow(queries.HELD_KEY, guild_id, user_id, key) is None:
                raise NotFound
            standing = (await lock(connection, [(guild_id, user_id)]))[guild_id, user_id]
            row = await connection.fetchrow(queries.HELD_KEY, guild_id, user_id, key)
            if row is None:  # revoked while we waited for the lock
                raise NotFound
            before = standing.xp
            taken = 0 if keep_rewards else row["awarded_xp"]
            if back := min(taken, before):  # first, because the lock order has members before counters of awards
                ledger = Ledger()
                grant_xp(ledger, standing, config.day_of(now), config.hour_of(now), -back)
                await ledger.store(connection)
            await Award.revoke(standing.id, row["id"], f"{actor.kind} {actor.id}", now, taken_xp=taken)
            names = KnownNames()
            await names.look_up(connection, [standing])
            theirs = names.of((guild_id, user_id))
            await publish(
                connection,
                [
                    award_event((guild_id, user_id), definition(row, {}), theirs, "achievement.revoked"),
                    *adjusted(config, user_id, before, standing.xp, None, theirs),
                ],
            )
            changes = {"achievement": Change(key, None), "xp": Change(before, standing.xp)}
            await _record(connection, actor, "achievement.revoked", guild_id, user_id, changes)

    async def _with_requirements(self, connection: Connection, guild_id: int, row: asyncpg.Record) -> Definition:
        """The definition from the guild's index if that is as new as the row, otherwise from the row."""
        index = (await self._indexes.of([guild_id], connection))[guild_id].index
        bit = index.bits.get(row["id"])
        known = None if bit is None else next(index.of(bit))
        fresh = definition(row, {})
        return fresh if known is None else msgspec.structs.replace(fresh, requires=known.requires)

    async def _to_view(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        wanted: Definition,
        awarded_at: datetime,
    ) -> AwardedView:
        values = await self._values(connection, config, standing, [wanted])
        described = await _descriptions(connection, [wanted.id])
        item = _item(wanted, None, values, described[wanted.id])
        told_rewards: UnlockedAchievement = to_unlocked(standing.user_id, wanted, UNKNOWN)
        item = msgspec.structs.replace(item, awarded_at=awarded_at)
        return AwardedView(
            **msgspec.structs.asdict(item), rewards=told_rewards.rewards, level_up=None, achievements_unlocked=[]
        )

    async def _values(
        self, connection: Connection, config: LevelingConfig, standing: Standing, definitions: Sequence[Definition]
    ) -> dict[Metric, int]:
        sought = {metric for each in definitions for metric in each.metrics if not metric.is_in_row}
        found = values_from_row(standing, config.level_curve)
        if sought:
            asked = MetricRequest(standing.guild_id, standing.user_id, config.day_of(self._clock.now()))
            found |= (await look_up(connection, [asked], sought))[standing.guild_id, standing.user_id]
        return found


async def _descriptions(connection: Connection, ids: list[int]) -> dict[int, asyncpg.Record]:
    return {row["id"]: row for row in await connection.fetch(queries.DESCRIPTIONS, ids)}


def _item(
    each: Definition, held: asyncpg.Record | None, values: dict[Metric, int], described: asyncpg.Record
) -> MemberAchievementView:
    return MemberAchievementView(
        achievement=each.key,
        name=each.name if held is None else held["awarded_name"],
        icon=described["icon"],
        description=described["description"],
        scope="global" if each.guild_id is None else "guild",
        awarded_at=None if held is None else held["awarded_at"],
        progress=conditions.progress(each.condition, values),
        leaves=conditions.comparison_views(each.condition, values),
    )


async def _record(
    connection: Connection, actor: Actor, action: str, guild_id: int, user_id: int, changes: dict[str, Change]
) -> None:
    changed = {name: change for name, change in changes.items() if change.before != change.after}
    await record(connection, actor, action, guild_ids=[guild_id], target=str(user_id), changes=changed)
