"""Eligibility: counts the members who meet a condition. It reads members in batches by key, and locks none of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import msgspec

from api.achievements import conditions
from api.achievements import queries as sql
from api.achievements.conditions import Metric
from api.achievements.dtos import Condition
from api.achievements.index import values_from_row
from api.achievements.threshold_index import compiled
from api.achievements.values import MetricRequest, look_up
from api.auth.actors import Actor
from api.guilds.rules import INSTALLATION
from api.lib.clock import Clock
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.standings import Standing
from api.members.visibility import hidden_from
from api.postgres.database import Connection, Database
from tables.guilds import Guild

BATCH_SIZE = 1000
SECONDS = 8.0  # within a request's deadline


class TooManyMembers(Exception):
    """There are too many members to check within a request."""


class EligibilityCount(msgspec.Struct):
    """All members, those who meet the condition and its prerequisites, and those of them who do not have the
    achievement yet."""

    members: int = 0
    eligible: int = 0
    would_unlock: int = 0


class Eligibility:
    def __init__(self, database: Database, leveling_configs: LevelingConfigCache, clock: Clock) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._clock = clock

    async def simulate(
        self, reader: Actor, guild_id: int, key: str, prerequisites: Sequence[str], condition: Condition
    ) -> EligibilityCount:
        """Counts who would get the achievement. Raises `TooManyMembers`."""
        found, ends = EligibilityCount(), time.monotonic() + SECONDS
        async for each in self._guilds(guild_id):
            await self._simulate(reader, each, found, (key, *prerequisites), condition, ends)
        return found

    async def _simulate(
        self,
        reader: Actor,
        guild_id: int,
        found: EligibilityCount,
        keys: Sequence[str],
        condition: Condition,
        ends: float,
    ) -> None:
        config, holds, after = await self._leveling_configs.get(guild_id), compiled(condition), 0
        key, *required = keys
        while True:
            _refuse_after(ends)
            async with self._database.connection() as connection:
                batch = await members_after(connection, guild_id, after, BATCH_SIZE)
                standings = await _seen(connection, reader, batch)
                values = await values_of(connection, config, standings, condition, self._clock.now())
                meeting = [each.id for each in standings if holds(values[each.id])]
                rows = await connection.fetch(sql.HELD_BY_KEY, meeting, list(keys))
            had = {row["member_id"] for row in rows if row["key"] == key}
            held: dict[int, set[str]] = {}
            for row in rows:
                if row["is_held"]:
                    held.setdefault(row["member_id"], set()).add(row["key"])
            eligible = [id_ for id_ in meeting if held.get(id_, set()).issuperset(required)]
            found.members += len(standings)
            found.eligible += len(eligible)
            found.would_unlock += sum(1 for id_ in eligible if id_ not in had)
            if len(batch) < BATCH_SIZE:
                return
            after = batch[-1].user_id
            await asyncio.sleep(0)

    async def not_qualifying(self, achievement_id: int, condition: Condition) -> int | None:
        """The number of holders who do not meet the condition; None if there are too many to check within a request."""
        holds, after, failing = compiled(condition), 0, 0
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            async with self._database.connection() as connection:
                rows = await connection.fetch(sql.HOLDERS_AFTER, achievement_id, after, BATCH_SIZE)
                by_guild: dict[int, list[Standing]] = {}
                for row in rows:
                    by_guild.setdefault(row["guild_id"], []).append(Standing(*row))
                for each, standings in by_guild.items():
                    config = await self._leveling_configs.get(each, connection)
                    values = await values_of(connection, config, standings, condition, self._clock.now())
                    failing += sum(1 for standing in standings if not holds(values[standing.id]))
            if len(rows) < BATCH_SIZE:
                return failing
            after = rows[-1]["id"]
            await asyncio.sleep(0)
        return None

    async def _guilds(self, guild_id: int) -> AsyncIterator[int]:
        """The guild; for the whole installation, every guild."""
        if guild_id != INSTALLATION:
            yield guild_id
            return
        after = 0
        while True:
            query = Guild.select(Guild.id).where(Guild.deleted_at.is_null(), Guild.id > after)
            rows = await query.order_by(Guild.id).limit(BATCH_SIZE)
            for row in rows:
                yield row["id"]
            if len(rows) < BATCH_SIZE:
                return
            after = rows[-1]["id"]


async def _seen(connection: Connection, reader: Actor, standings: Sequence[Standing]) -> Sequence[Standing]:
    """The members whom the reader may see. Counts of all members would reveal a hidden member's numbers by trying
    thresholds."""
    hidden = await hidden_from(connection, reader.hidden_seen(), [each.user_id for each in standings])
    return [each for each in standings if each.user_id not in hidden]


async def members_after(connection: Connection, guild_id: int, user_id: int, limit: int) -> list[Standing]:
    """The next members of a guild, in the order of their ids."""
    return [Standing(*row) for row in await connection.fetch(sql.MEMBERS_AFTER, guild_id, user_id, limit)]


async def values_of(
    connection: Connection, config: LevelingConfig, standings: Sequence[Standing], condition: Condition, now: datetime
) -> Mapping[int, dict[Metric, int]]:
    """The values that the condition needs, for members of one guild, by the ids of their rows."""
    sought = {
        each
        for comparison in conditions.comparisons(condition)
        if not (each := conditions.metric(comparison)).is_in_row
    }
    found: Mapping[tuple[int, int], dict[Metric, int]] = {}
    if sought:
        today = config.day_of(now)
        asked = [MetricRequest(config.guild_id, standing.user_id, today) for standing in standings]
        found = await look_up(connection, asked, sought)
    return {
        standing.id: values_from_row(standing, config.level_curve) | found.get((config.guild_id, standing.user_id), {})
        for standing in standings
    }


def _refuse_after(ends: float) -> None:
    if time.monotonic() > ends:
        raise TooManyMembers
