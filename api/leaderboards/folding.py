"""Checkpoints of large guilds: each member's totals up to the end of a month, computed in the background.

The board of a long window is the difference of two checkpoints, plus or minus the days between their ends and the
window's. A checkpoint is computed only when no event of its month can come any more. An import of old days makes later
checkpoints stale: they are no longer read, then they are removed and computed again."""

from datetime import date, timedelta

import structlog

from api.leaderboards import folding_queries as sql
from api.leaderboards.snapshots import LARGE
from api.lib.clock import Clock
from api.postgres.database import Database
from tables.activity import ActivityDay
from tables.leaderboards import ActivityCheckpoint, ActivityRewrite

log = structlog.get_logger("guildhall.leaderboards")

# Events may come seven days late, and clocks and time zones differ.
LAG = timedelta(days=10)

# Checkpoints go back a year, to the end of the month before. Days are kept for longer, at least 400.
KEPT = timedelta(days=365)

BATCH_SIZE = 5000
MOST_SECONDS = 300

_PATIENT = f"SET LOCAL statement_timeout = '{MOST_SECONDS}s'; SET LOCAL work_mem = '64MB'"


class Folding:
    def __init__(self, database: Database, clock: Clock, *, large: int = LARGE) -> None:
        """`large`: guilds with more members have checkpoints."""
        self.large = large
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Brings the checkpoints of all guilds up to date. Several processes may call it at once: one computes at a
        time. A second call finds nothing to do. Raises `Unavailable`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.GUILDS, self.large)
        for row in rows:
            await self._keep(row["guild_id"], is_large=row["is_large"])

    async def _keep(self, guild_id: int, *, is_large: bool) -> None:
        oldest = _month_before((self._clock.now() - KEPT).date())
        async with self._database.transaction():
            await ActivityCheckpoint.mark_stale(guild_id, since=await ActivityRewrite.take(guild_id), before=oldest)
        while await self._remove_stale(guild_id):
            pass
        while is_large and await self._fold(guild_id, oldest):
            pass

    async def _remove_stale(self, guild_id: int) -> bool:
        """Removes one batch of stale totals. Returns whether there may be more."""
        async with self._database.transaction() as connection:
            done = await connection.execute(sql.REMOVE_STALE, guild_id, BATCH_SIZE)
            if done != "DELETE 0":
                return True
            await connection.execute(sql.DELETE_STALE, guild_id)
        return False

    async def _fold(self, guild_id: int, oldest: date) -> bool:
        """Computes the next checkpoint. Returns whether there was one to compute."""
        async with self._database.transaction(_PATIENT) as connection:
            if not await connection.fetchval(sql.TRY_LOCK, guild_id):
                return False
            last = await ActivityCheckpoint.last_of(guild_id)
            if last is None:
                return await self._begin(guild_id, oldest)
            day = _month_before(last + timedelta(days=32))
            if day > (self._clock.now() - LAG).date():
                return False
            await connection.execute(sql.FOLD, guild_id, last, day, timeout=MOST_SECONDS + 10)
            await ActivityCheckpoint.insert(ActivityCheckpoint(guild_id=guild_id, day=day))
        log.info("a checkpoint of leaderboards was computed", guild=guild_id, until=str(day))
        return True

    async def _begin(self, guild_id: int, oldest: date) -> bool:
        """Adds an empty checkpoint before the first month, because only differences are read."""
        first = await ActivityDay.first_of(guild_id)
        if first is None:
            return False
        day = max(_month_before(first), oldest)
        await ActivityCheckpoint.insert(ActivityCheckpoint(guild_id=guild_id, day=day))
        return True


def _month_before(day: date) -> date:
    """The last day of the month before this day's."""
    return day.replace(day=1) - timedelta(days=1)
