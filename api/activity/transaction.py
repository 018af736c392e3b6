"""One transaction for a group of requests: its statements do not grow in number with events or requests."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from api.activity import locks, queries
from api.activity.counting import Caps, Late, count
from api.activity.dtos import Event
from api.activity.rules import earning_of
from api.database import Connection, Database
from api.members.ledger import Key, Ledger, Standing, read
from api.members.levelups import LevelUp
from api.members.rulebook import GuildRules
from api.parts import IMPORTED, Parted, Parts, week_of

# Ids are looked for in every week in which one may have been delivered whose event is not yet too old.
_REMEMBERED = timedelta(days=7, minutes=10)

# So near to the turn of a week two processes might take an id for two weeks: then they take turns.
_TURN = timedelta(minutes=1)


class Taken(msgspec.Struct):
    """A request's events that are neither too old nor in the future, and who waits for the outcome."""

    rules: GuildRules
    events: Sequence[Event]
    now: datetime
    result: asyncio.Future["Counted"]


class Counted(msgspec.Struct):
    """What a request is told: how many of its events counted now, and the levels reached."""

    accepted: int
    level_ups: list[LevelUp]


class Transaction:
    def __init__(self, database: Database, parts: Parts, group: Sequence[Taken]) -> None:
        self._database = database
        self._parts = parts
        self._group = group
        self._now = group[-1].now
        self._week = week_of(self._now.date())
        # The first request that brings an id has it; later ones, and the same one again, bring a duplicate.
        self._first: dict[tuple[int, str], tuple[int, Event]] = {}
        for place, taken in enumerate(group):
            for event in taken.events:
                self._first.setdefault((taken.rules.guild_id, event.id), (place, event))

    async def make_parts(self) -> None:
        """Makes the parts that are missing, before the transaction: hardly ever, they are made ahead."""
        days = {day for place, event in self._first.values() for day in self._days_of(place, event)}
        wanted: dict[Parted, set[date]] = {
            "activity_ids": {self._week},
            "activity_days": days,
            "activity_hours": days,
            "custom_stat_days": days,
        }
        if not any(self._parts.lacks(table, days) for table, days in wanted.items()):
            return
        async with self._database.connection() as connection:
            for table, days in wanted.items():
                await self._parts.ensure(connection, table, days)

    def _days_of(self, place: int, event: Event) -> tuple[date, date]:
        day, hour = self._group[place].rules.place_of(event.occurred_at)
        return day, hour.date()

    async def run(self) -> list[Counted]:
        """Counts what is new; what each request is told, in the order of the group."""
        guilds = {taken.rules.guild_id for taken in self._group}
        monday = self._now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=self._now.weekday())
        turning = self._now - monday < _TURN or monday + timedelta(days=7) - self._now < _TURN
        async with self._database.transaction(locks.share(guilds, alone=turning)) as connection:
            fresh, made, private = await self._take(connection)
            events: list[list[Event]] = [[] for _ in self._group]
            accepted = [0] * len(self._group)
            for key, (place, event) in self._first.items():
                if key in fresh:
                    events[place].append(event)
                if key in fresh or event.user_id in private:
                    accepted[place] += 1
            level_ups = await self._count(connection, events, made) if fresh else [[] for _ in self._group]
        return [Counted(*each) for each in zip(accepted, level_ups, strict=True)]

    async def _take(self, connection: Connection) -> tuple[set[tuple[int, str]], set[Key], set[int]]:
        """The ids that are new, the members made, the people whose events are dropped."""
        keys = sorted(self._first)
        weeks = {week_of((self._now - _REMEMBERED).date()), self._week - timedelta(days=7), IMPORTED}
        rows = await connection.fetch(
            queries.TAKE,
            [guild_id for guild_id, _ in keys],
            [id_ for _, id_ in keys],
            [int(self._first[key][1].user_id) for key in keys],
            self._week,
            sorted(weeks),
        )
        fresh, made, private = set(), set(), set()
        for guild_id, id_, user_id in rows:
            if id_ is not None:
                fresh.add((guild_id, id_))
            elif guild_id is not None:
                made.add((guild_id, user_id))
            else:
                private.add(user_id)
        return fresh, made, private

    async def _count(
        self, connection: Connection, events: Sequence[Sequence[Event]], made: set[Key]
    ) -> list[list[LevelUp]]:
        keys = {
            (taken.rules.guild_id, int(event.user_id))
            for taken, fresh in zip(self._group, events, strict=True)
            for event in fresh
        }
        standings = await read(connection, keys, made)
        await _welcome_back(connection, self._group, events, standings)
        caps = await self._caps(connection, events)
        ledger = Ledger()
        late: list[Late] = []
        level_ups = [
            count(taken.rules, fresh, standings, caps, ledger, late)
            for taken, fresh in zip(self._group, events, strict=True)
        ]
        await ledger.store(connection)
        if late:
            rows = sorted({(each.standing.id, *_key(each.standing), each.day) for each in late})
            await connection.execute(queries.FILL, *zip(*rows, strict=True))
        return level_ups

    async def _caps(self, connection: Connection, events: Sequence[Sequence[Event]]) -> Caps:
        """What the daily caps have counted already, of the members and days at hand."""
        wanted = {
            (taken.rules.guild_id, taken.rules.place_of(event.occurred_at)[0], int(event.user_id))
            for taken, fresh in zip(self._group, events, strict=True)
            if earning_of(taken.rules).cap is not None
            for event in fresh
        }
        if not wanted:
            return {}
        rows = await connection.fetch(queries.EARNED, *zip(*wanted, strict=True))
        return {(row[0], row[1], row[2]): row[3] for row in rows}


async def _welcome_back(
    connection: Connection,
    group: Sequence[Taken],
    events: Sequence[Sequence[Event]],
    standings: dict[Key, Standing],
) -> None:
    """Whoever had left and did something since is back, and on the boards again unless they are hidden."""
    if all(standing.left_at is None for standing in standings.values()):
        return
    back = {}
    for taken, fresh in zip(group, events, strict=True):
        for event in fresh:
            standing = standings[taken.rules.guild_id, event.user_id]
            if standing.left_at is not None and event.occurred_at > standing.left_at:
                back[standing.id] = standing
    rows = await connection.fetch(queries.HIDDEN, [standing.user_id for standing in back.values()])
    hidden = {row[0] for row in rows}
    for standing in back.values():
        standing.left_at = None
        standing.is_ranked = standing.user_id not in hidden


def _key(standing: Standing) -> Key:
    return standing.guild_id, standing.user_id
