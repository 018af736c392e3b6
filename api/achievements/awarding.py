"""Awards an achievement to those who meet it already: a lot of members at a time, each lot a transaction, which the
next one goes on after, in whatever process."""

from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg

from api.achievements import queries
from api.achievements.catalogs import GLOBAL, Catalogs
from api.achievements.surveys import members_after, values_of
from api.achievements.unlocking import Moved, Settled, Unlocking
from api.errors import NotFound
from api.events.outbox import publish
from api.lib.arrays import columns
from api.lib.clock import Clock
from api.members import ledger_sql
from api.members.ledger import Ledger, Standing, by_key
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.levelups import level_up
from api.members.telling import reached
from api.postgres.database import Connection

AT_ONCE = 250  # members who are looked at; those who meet it are locked for as long as that takes: live events wait


class Awarding:
    def __init__(
        self, leveling_configs: LevelingConfigCache, catalogs: Catalogs, unlocking: Unlocking, clock: Clock
    ) -> None:
        self._leveling_configs = leveling_configs
        self._catalogs = catalogs
        self._unlocking = unlocking
        self._clock = clock

    async def step(self, connection: Connection, achievement_id: int) -> Callable[[], None] | None:
        """Looks at the next members; gives what to call after the commit, None when there are no more. The
        transaction is the caller's."""
        job = await connection.fetchrow(queries.AWARDING, achievement_id)
        row = await connection.fetchrow(queries.BY_ID, achievement_id)
        if job is None:
            return None
        guild_id = None
        if row is not None and row["deleted_at"] is None and row["retroactive"]:
            guild_id = row["guild_id"] or job["after_guild_id"] or await self._next(connection, row, GLOBAL)
        if row is None or guild_id is None:
            await self._advance(connection, job, "finished", GLOBAL, 0)
            return None
        settled, looked_at, last = await self._look(connection, row, guild_id, job)
        given = sum(1 for each in settled.unlocked.values() for one in each if one.achievement == row["key"])
        following: int | None = guild_id
        if looked_at < AT_ONCE:
            following, last = await self._next(connection, row, guild_id), 0
        status = "running" if following is not None else "finished"
        await self._advance(connection, job, status, following or GLOBAL, last, looked_at, given)
        return None if following is None else settled.remember

    async def give_up(self, connection: Connection, achievement_id: int) -> None:
        """Ends it, undone."""
        job = await connection.fetchrow(queries.AWARDING, achievement_id)
        if job is not None:
            await self._advance(connection, job, "failed", job["after_guild_id"], job["after_user_id"])

    async def _next(self, connection: Connection, row: asyncpg.Record, guild_id: int) -> int | None:
        """The guild after this one, of an achievement that is every guild's."""
        if row["guild_id"] is not None:
            return None
        found: int | None = await connection.fetchval(queries.NEXT_GUILD, guild_id)
        return found

    async def _look(
        self, connection: Connection, row: asyncpg.Record, guild_id: int, job: asyncpg.Record
    ) -> tuple[Settled, int, int]:
        """Awards it to those of the next members who meet it; how many were looked at, and the last of them."""
        try:
            config = await self._leveling_configs.get(guild_id, connection)
        except NotFound:  # the guild was deleted meanwhile
            return Settled(), 0, 0
        catalog = await self._catalogs.fresh(guild_id, row["id"], row["revision"], connection)
        definition = next(catalog.of(catalog.bits.get(row["id"], 0)), None)
        if definition is None:  # switched off there, or another one stands in its place
            return Settled(), 0, 0
        now = self._clock.now()
        standings = await members_after(connection, guild_id, job["after_user_id"], AT_ONCE)
        if not standings:
            return Settled(), 0, 0
        values = await values_of(connection, config, standings, definition.condition, now)
        meeting = [each for each in standings if definition.holds(values[each.id])]
        given = await connection.fetch(queries.GIVEN, row["id"], [each.id for each in meeting])
        had = {each["member_id"] for each in given}
        settled = await self._award(
            connection, config, [each for each in meeting if each.id not in had], row["id"], now
        )
        return settled, len(standings), standings[-1].user_id

    async def _award(
        self,
        connection: Connection,
        config: LevelingConfig,
        members: Sequence[Standing],
        achievement_id: int,
        now: datetime,
    ) -> Settled:
        if not members:
            return Settled()
        # Not `lock`, which would make those anew who have been removed meanwhile.
        keys = columns([(config.guild_id, each.user_id) for each in members], 2)
        locked = by_key(await connection.fetch(ledger_sql.LOCK, *keys))
        before = {key: standing.xp for key, standing in locked.items()}
        moved = [Moved(config, standing, only=achievement_id) for standing in locked.values()]
        settled = await self._unlocking.settle(connection, moved, Ledger(), now)
        risen = [level_up(config, key[1], before[key], locked[key].xp) for key in settled.unlocked]
        await publish(connection, [reached(config.guild_id, each) for each in risen if each is not None])
        return settled

    async def _advance(
        self,
        connection: Connection,
        job: asyncpg.Record,
        status: str,
        guild_id: int,
        user_id: int,
        looked_at: int = 0,
        given: int = 0,
    ) -> None:
        ended = self._clock.now() if status in ("finished", "failed") else None
        await connection.execute(
            queries.ADVANCE, job["achievement_id"], status, guild_id, user_id, looked_at, given, ended
        )
