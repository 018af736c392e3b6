"""The dry run of an import of events: which are new, and what the first members would gain."""

from collections.abc import Sequence

import asyncpg
import msgspec

from api.activity.counting import Caps, Counting
from api.activity.dtos import Event
from api.activity.event_keys import key_of
from api.activity.stat_names import StatNames
from api.imports import history_queries as sql
from api.imports.history import caps
from api.imports.staging import LATEST, Reached, advance, decode, next_rows, stage
from api.imports.work import MOST_PREVIEWED, Work
from api.lib.clock import Clock
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.naming import KnownNames
from api.members.standings import Key, Standing, read
from api.members.visibility import hidden_from
from api.postgres.database import Database


class DryRun:
    def __init__(self, database: Database, leveling_configs: LevelingConfigCache, clock: Clock) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._clock = clock

    async def run(self, work: Work) -> None:
        """Runs it to the end. After an interruption it starts again, because a dry run stores nothing to continue from.
        Raises `Broken`, `LeaseLost`, `NotFound`."""
        config = await self._leveling_configs.get(work.guild_id)
        await stage(work, self._clock.now() + LATEST, config, StatNames(self._database))
        work.reached = msgspec.json.encode(Reached()).decode()
        work.imported = work.unchanged = 0
        work.preview.clear()
        followed = _Followed(config, work.hidden_seen)
        while rows := await next_rows(self._database, work):
            fresh = await self._fresh(work, rows)
            await followed.count(self._database, fresh)
            followed.preview(work)
            work.imported += len(fresh)
            work.unchanged += len(rows) - len(fresh)
            async with work.step(kept=True):
                advance(work, rows, work.position - work.refused)

    async def _fresh(self, work: Work, rows: Sequence[asyncpg.Record]) -> list[Event]:
        events: dict[str, Event] = {}
        for row in rows:
            events.setdefault(row["id"], decode(row["data"]))
        users = [int(event.user_id) for event in events.values()]
        times = [event.occurred_at for event in events.values()]
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.FRESH, work.guild_id, [*map(key_of, events)], users, times)
        found = {row[0].hex for row in rows}
        return [event for id_, event in events.items() if key_of(id_) in found]


class _Followed:
    """The members of the preview, from one batch of events to the next."""

    def __init__(self, config: LevelingConfig, hidden_seen: int | None) -> None:
        """`hidden_seen`: the person who asked, if it was one. Of hidden people they see themselves alone."""
        self._config = config
        self._hidden_seen = hidden_seen
        self._standings: dict[Key, Standing] = {}
        self._caps: Caps = {}
        self._names = KnownNames()

    async def count(self, database: Database, events: Sequence[Event]) -> None:
        guild_id = self._config.guild_id
        wanted = dict.fromkeys(int(event.user_id) for event in events)
        new = [user_id for user_id in wanted if (guild_id, user_id) not in self._standings]
        new = new[: MOST_PREVIEWED - len(self._standings)]
        async with database.connection() as connection:
            hidden = await hidden_from(connection, self._hidden_seen, wanted)
            there = await read(connection, [(guild_id, user_id) for user_id in new if user_id not in hidden])
            for user_id in new:
                key = guild_id, user_id
                self._standings[key] = there.get(key) or _nobody(*key)
                self._standings[key].last_xp_at = None
            await self._names.look_up(connection, (self._standings[guild_id, user_id] for user_id in new))
            theirs = [event for event in events if (guild_id, int(event.user_id)) in self._standings]
            seen = [event for event in theirs if int(event.user_id) not in hidden]
            known = await caps(connection, self._config, seen) if seen else {}
        for event in theirs:
            if event.user is not None:
                self._names.learn((guild_id, event.user_id), event.user)
        # A day that this run has counted on is known better here.
        self._caps = known | self._caps
        Counting(self._standings, self._caps, Ledger()).count(self._config, theirs)
        latest = max((day for _, day, _ in self._caps), default=None)
        self._caps = {key: counted for key, counted in self._caps.items() if key[1] == latest}

    def preview(self, work: Work) -> None:
        """Adds these members to the import's preview."""
        level = self._config.level_curve.level
        for key, standing in self._standings.items():
            before, after = standing.before[0], standing.xp
            work.note(standing.user_id, (before, level(before)), (after, level(after)), self._names.of(key))


def _nobody(guild_id: int, user_id: int) -> Standing:
    return Standing(
        0, guild_id, user_id, 0, 0, 0, 0, 0, None, None, None, 0, None, None, None,
        is_ranked=True, names_digest=0, was_ranked=False,
    )  # fmt: skip
