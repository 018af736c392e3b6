"""The backfill: awards a new or changed achievement to members who already meet it. Each batch of members is a
transaction. After a crash, another process continues after the last batch."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from piccolo.columns import Column

from api.achievements.candidates import Moved
from api.achievements.eligibility import members_after, values_of
from api.achievements.index_cache import AchievementIndexCache
from api.achievements.unlocking import Unlocking, UnlockResult
from api.errors import NotFound
from api.events.outbox import publish
from api.guilds.rules import INSTALLATION
from api.lib.arrays import columns
from api.lib.clock import Clock
from api.members import ledger_queries
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.levelups import level_up
from api.members.member_events import reached
from api.members.naming import KnownNames
from api.members.standings import Standing, by_key
from api.postgres.database import Connection
from tables.achievements import Achievement, AchievementBackfill, Award
from tables.guilds import Guild
from tables.sql import Row, one_of


class Step(NamedTuple):
    """A batch: a function to call after the commit, None after the last batch; and the number of members."""

    after_commit: Callable[[], None] | None
    members: int = 0


class Backfill:
    def __init__(
        self, leveling_configs: LevelingConfigCache, indexes: AchievementIndexCache, unlocking: Unlocking, clock: Clock
    ) -> None:
        self._leveling_configs = leveling_configs
        self._indexes = indexes
        self._unlocking = unlocking
        self._clock = clock

    async def step(self, connection: Connection, achievement_id: int, size: int) -> Step:
        """Runs the next batch, of so many members, in the caller's transaction. Members who meet the condition are
        locked meanwhile, so live events of theirs wait."""
        job = await AchievementBackfill.locked(achievement_id)
        row = await Achievement.select().where(Achievement.id == achievement_id).first()
        if job is None:
            return Step(None)
        guild_id = None
        if row is not None and row["deleted_at"] is None and row["retroactive"]:
            guild_id = row["guild_id"] or job["after_guild_id"] or await self._next(row, INSTALLATION)
        if row is None or guild_id is None:
            await self._advance(job, "finished", INSTALLATION, 0)
            return Step(None)
        result, seen, last = await self._award_batch(connection, row, guild_id, job, size)
        given = sum(1 for each in result.unlocked.values() for one in each if one.achievement == row["key"])
        following: int | None = guild_id
        if seen < size:
            following, last = await self._next(row, guild_id), 0
        status = "running" if following is not None else "finished"
        await self._advance(job, status, following or INSTALLATION, last, seen, given)
        return Step(None if following is None else result.after_commit, seen)

    async def give_up(self, connection: Connection, achievement_id: int) -> None:
        """Ends the backfill as failed."""
        job = await AchievementBackfill.locked(achievement_id)
        if job is not None:
            await self._advance(job, "failed", job["after_guild_id"], job["after_user_id"])

    async def _next(self, row: Row, guild_id: int) -> int | None:
        """The guild after this one; None for an achievement of one guild."""
        if row["guild_id"] is not None:
            return None
        query = Guild.select(Guild.id).where(Guild.id > guild_id, Guild.deleted_at.is_null())
        found = await query.order_by(Guild.id).first()
        return None if found is None else cast("int", found["id"])

    async def _award_batch(
        self, connection: Connection, row: Row, guild_id: int, job: Row, size: int
    ) -> tuple[UnlockResult, int, int]:
        """Awards the achievement to the members of the next batch who meet it. Returns the result, the number of
        members, and the last of them."""
        try:
            config = await self._leveling_configs.get(guild_id, connection)
        except NotFound:  # the guild was deleted meanwhile
            return UnlockResult(), 0, 0
        index = await self._indexes.fresh(guild_id, row["id"], row["revision"], connection)
        definition = next(index.of(index.bits.get(row["id"], 0)), None)
        if definition is None:  # switched off there, or replaced by the guild's own
            return UnlockResult(), 0, 0
        now = self._clock.now()
        standings = await members_after(connection, guild_id, job["after_user_id"], size)
        if not standings:
            return UnlockResult(), 0, 0
        values = await values_of(connection, config, standings, definition.condition, now)
        meeting = [each for each in standings if index.holding(values[each.id]) & index.bits[definition.id]]
        have = one_of(Award.member_id, [each.id for each in meeting])
        given = await Award.select(Award.member_id).where(Award.achievement_id == row["id"], have)
        had = {each["member_id"] for each in given}
        result = await self._award(connection, config, [each for each in meeting if each.id not in had], row["id"], now)
        return result, len(standings), standings[-1].user_id

    async def _award(
        self,
        connection: Connection,
        config: LevelingConfig,
        members: Sequence[Standing],
        achievement_id: int,
        now: datetime,
    ) -> UnlockResult:
        if not members:
            return UnlockResult()
        # Not `lock`, which would insert members again that were removed meanwhile.
        keys = columns([(config.guild_id, each.user_id) for each in members], 2)
        locked = by_key(await connection.fetch(ledger_queries.LOCK, *keys))
        before = {key: standing.xp for key, standing in locked.items()}
        moved = [Moved(config, standing, only=achievement_id) for standing in locked.values()]
        names = KnownNames()
        result = await self._unlocking.evaluate_and_store(connection, moved, Ledger(), now, names)
        risen = [level_up(config, key[1], before[key], locked[key].xp, names=names.of(key)) for key in result.unlocked]
        await publish(connection, [reached(config.guild_id, each) for each in risen if each is not None])
        return result

    async def _advance(self, job: Row, status: str, guild_id: int, user_id: int, seen: int = 0, given: int = 0) -> None:
        ended = self._clock.now() if status in ("finished", "failed") else None
        values: dict[Column | str, object] = {
            AchievementBackfill.status: status,
            AchievementBackfill.after_guild_id: guild_id,
            AchievementBackfill.after_user_id: user_id,
            AchievementBackfill.evaluated: job["evaluated"] + seen,
            AchievementBackfill.awarded: job["awarded"] + given,
            AchievementBackfill.finished_at: ended,
        }
        await AchievementBackfill.update(values).where(AchievementBackfill.achievement_id == job["achievement_id"])
