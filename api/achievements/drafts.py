"""Drafts: achievements before they are stored. Their faults, and the members who would get them."""

from collections.abc import Mapping

import asyncpg
import msgspec

from api.achievements import queries, rules
from api.achievements.dtos import CreateAchievement, SimulateAchievement, SimulationView
from api.achievements.eligibility import Eligibility, TooManyMembers
from api.auth.actors import Actor
from api.errors import Conflict, Invalid, Overloaded
from api.guilds.rules import INSTALLATION
from api.lib.faults import Fault
from api.members.leveling_config_cache import LevelingConfigCache
from api.postgres.database import Connection, Database
from api.settings.curves import TOP_LEVEL
from tables.sql import Row

# In a guild, and in the whole installation: every event evaluates this many.
MOST_ACHIEVEMENTS = 500

_keys = msgspec.json.Decoder(list[str]).decode


class Drafts:
    def __init__(self, database: Database, leveling_configs: LevelingConfigCache, eligibility: Eligibility) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._eligibility = eligibility

    async def faults(self, guild_id: int, data: CreateAchievement) -> list[Fault]:
        """The faults of a draft by itself. Raises `NotFound`."""
        return rules.faults(data, await self.top_level(guild_id))

    async def check(self, guild_id: int, data: CreateAchievement) -> None:
        """Raises `Invalid` if the draft itself has faults."""
        if faults := await self.faults(guild_id, data):
            raise Invalid(errors=faults)

    async def simulate(self, reader: Actor, guild_id: int, data: SimulateAchievement) -> SimulationView:
        """Counts the members who would get the draft now, among those whom the reader sees. Exact; stores nothing.
        Raises `Invalid`, `NotFound`, and `Overloaded` if there are too many members to count within a request."""
        names = {name: getattr(data, name) for name in SimulateAchievement.__struct_fields__}
        # A draft may lack a name.
        draft = CreateAchievement(**{**names, "key": data.key or "", "name": data.name or "draft"})
        faults = await self.faults(guild_id, draft)
        async with self._database.connection() as connection:
            await refuse(connection, guild_id, draft, faults)
        try:
            found = await self._eligibility.simulate(reader, guild_id, draft.key, draft.prerequisites, draft.condition)
        except TooManyMembers:
            raise Overloaded("There are too many members to count in the time of a request.") from None
        share = found.eligible / found.members if found.members else 0.0
        return SimulationView(found.eligible, found.would_unlock, share)

    async def top_level(self, guild_id: int) -> int:
        """The highest level that a condition may name."""
        if guild_id == INSTALLATION:
            return TOP_LEVEL
        return (await self._leveling_configs.get(guild_id)).level_curve.top


async def refuse(
    connection: Connection,
    guild_id: int,
    data: CreateAchievement,
    faults: list[Fault],
    was: CreateAchievement | None = None,
) -> Mapping[str, asyncpg.Record]:
    """Raises `Invalid` for these faults, and for prerequisites that do not exist or make a circle. Parts that are
    unchanged from `was` are accepted, even if they could not be created now. Returns the achievements that can be
    earned."""
    known = await neighbours(connection, guild_id)
    faults = faults + rules.prerequisite_faults(data.key, data.prerequisites, _graph(known))
    for name in ("condition", "prerequisites"):
        if was is not None and getattr(was, name) == getattr(data, name):
            faults = [fault for fault in faults if not fault.pointer.startswith(f"/{name}")]
    if faults:
        raise Invalid(errors=sorted(faults))
    return known


async def neighbours(connection: Connection, guild_id: int) -> Mapping[str, asyncpg.Record]:
    """The achievements that can be earned in the guild, by key."""
    return {row["key"]: row for row in await connection.fetch(queries.NEIGHBOURS, guild_id)}


def _graph(known: Mapping[str, asyncpg.Record]) -> dict[str, list[str]]:
    return {key: _keys(row["prerequisites"]) for key, row in known.items()}


def refuse_too_many(known: Mapping[str, asyncpg.Record]) -> None:
    """Raises `Conflict` if the guild has the maximum."""
    if sum(row["is_own"] for row in known.values()) >= MOST_ACHIEVEMENTS:
        raise Conflict(f"There are {MOST_ACHIEVEMENTS} achievements already: delete some first.")


def refuse_circle(row: Row, known: Mapping[str, asyncpg.Record]) -> None:
    """Raises `Conflict` for a deleted achievement that would be its own prerequisite if it were restored."""
    there = [name for name in _keys(row["prerequisites"]) if name in known]
    if rules.prerequisite_faults(row["key"], there, _graph(known)):
        raise Conflict("One of its prerequisites now needs this achievement. Change that first.")
