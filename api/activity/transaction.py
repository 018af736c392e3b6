"""The transaction of a group of requests. The number of its statements does not depend on the number of events."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial

import msgspec

from api.achievements.unlocking import Unlocking, UnlockResult
from api.activity import locks, queries, unlocks
from api.activity.counting import Caps, Counting
from api.activity.dtos import ActivityView, Event, RejectedEvent
from api.activity.event_keys import key_of, spans
from api.activity.event_names import store_names, with_names
from api.activity.late_days import fill
from api.activity.peaks import Peaks
from api.activity.pieces import begins
from api.activity.pieces import days as days_of
from api.activity.returns import welcome_back
from api.activity.rules import earning_of
from api.events.outbox import publish
from api.idempotency.claims import Claim
from api.idempotency.store import store_answers
from api.lib.arrays import columns, literal
from api.members.dtos import UnlockedAchievement
from api.members.ledger import Ledger
from api.members.ledger_queries import WIDTH
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp
from api.members.member_events import reached
from api.members.standings import Key, MembersChanged, Standing, by_key, lock
from api.members.tombstones import refuse_erased
from api.postgres.database import Connection, Database
from api.postgres.partitions import Partitions, Wanted, week_of

# Ids are looked up in each week in which an event that is not too old may have been delivered.
_REMEMBERED = timedelta(days=7, minutes=10)

# Within a minute of a new week, two processes might store one id in two weeks: then the locks are exclusive.
_WEEK_CHANGE = timedelta(minutes=1)
_WEEK = timedelta(days=7)


class PendingBatch(msgspec.Struct):
    """A request that waits for its transaction: the events to count, the rejected ones, and the future of its answer.
    `claim`: where to store the answer."""

    config: LevelingConfig
    events: Sequence[Event]
    rejected: list[RejectedEvent]
    now: datetime
    claim: Claim | None
    result: asyncio.Future[ActivityView]


class Transaction:
    def __init__(
        self, database: Database, partitions: Partitions, unlocking: Unlocking, group: Sequence[PendingBatch]
    ) -> None:
        self._database = database
        self._partitions = partitions
        self._unlocking = unlocking
        self._unlocked = UnlockResult()
        self._group = group
        self._now = group[-1].now
        self._week = week_of(self._now.date())
        # By guild and the id's key. The first request with an id counts it; later ones, and the same request again,
        # have a duplicate.
        self._first: dict[int, dict[str, tuple[int, Event]]] = {}
        for place, pending in enumerate(group):
            first = self._first.setdefault(pending.config.guild_id, {})
            for event in pending.events:
                key = key_of(event.id)
                if key not in first:
                    first[key] = (place, event)

    async def run(self) -> list[ActivityView]:
        """Counts the new events. Returns the answer of each request, in the order of the group."""
        while True:
            try:
                return await self._partitions.write(self._wanted(), self._run)
            except MembersChanged:  # the next attempt sees which members exist, and who was erased
                continue

    async def _run(self) -> list[ActivityView]:
        async with self._database.transaction(locks.share(self._first, alone=self._is_week_changing())) as connection:
            known, private, erased, held = await self._deduplicate(connection)
            events: list[list[Event]] = [[] for _ in self._group]
            accepted = [0] * len(self._group)
            for guild_id, first in self._first.items():
                for key, (place, event) in first.items():
                    if event.user_id in private:
                        accepted[place] += 1
                    elif not known or (guild_id, key) not in known:
                        accepted[place] += 1
                        if not erased or not _is_of_before(erased, guild_id, event):
                            events[place].append(event)
            level_ups, unlocked = await self._count(connection, events, held)
            answers = [
                ActivityView(counted, len(pending.events) - counted, pending.rejected, levels, achievements)
                for pending, counted, levels, achievements in zip(
                    self._group, accepted, level_ups, unlocked, strict=True
                )
            ]
            await store_answers(
                connection, ((pending.claim, answer) for pending, answer in zip(self._group, answers, strict=True))
            )
        self._unlocked.after_commit()
        return answers

    def _wanted(self) -> Wanted:
        """The partitions to write to. They are months, so the days of the first event, the last event and now are
        enough."""
        days: set[date] = set()
        for pending in self._group:
            first = min(map(begins, pending.events))
            last = max(event.occurred_at for event in pending.events)
            for at in (first, last, self._now):  # now: rewards are given then
                day, hour = pending.config.place_of(at)
                days |= {day, hour.date()}
        return {"activity_ids": {self._week}, "activity_days": days, "activity_hours": days, "custom_stat_days": days}

    def _is_week_changing(self) -> bool:
        monday = datetime.combine(self._week, datetime.min.time(), self._now.tzinfo)
        return self._now - monday < _WEEK_CHANGE or monday + _WEEK - self._now < _WEEK_CHANGE

    async def _deduplicate(
        self, connection: Connection
    ) -> tuple[set[tuple[int, str]], set[int], Mapping[Key, datetime], dict[Key, Standing]]:
        """Stores the ids. Returns the keys that were known already; the people who opted out; the erased people, whose
        older events are dropped; and the locked standings, if no member was missing."""
        guilds, keys, users, places = [], [], [], []
        found: list[tuple[int, str, str]] = []  # spans: guild, first and last key
        members: list[Key] = []
        for guild_id in sorted(self._first):
            first = self._first[guild_id]
            ordered = sorted(first)
            theirs = [first[key][1].user_id for key in ordered]
            guilds += [guild_id] * len(ordered)
            keys += ordered
            users += theirs
            for span in spans(ordered):
                found.append((guild_id, span.first, span.last))
                places += [len(found)] * span.size
            members += [(guild_id, user_id) for user_id in sorted(set(theirs))]
        rows = await connection.fetch(
            queries.DEDUPLICATE,
            literal(guilds),
            literal(keys),
            literal(users),
            self._week,
            self._week - _WEEK,
            week_of((self._now - _REMEMBERED).date()),
            *columns(members, 2),
            literal(places),
            *columns(found, 3),
        )
        held = [row[:WIDTH] for row in rows if row[0] is not None]
        known: set[tuple[int, str]] = set()
        private: set[int] = set()
        erased: dict[Key, datetime] = {}
        for row in rows[len(held) :]:
            guild_id, key, user_id, erased_at = row[WIDTH:]
            if key is not None:
                known.add((guild_id, key.hex))
            elif erased_at is None:
                private.add(user_id)
            else:
                erased[guild_id, user_id] = erased_at
        return known, private, erased, by_key(held)

    async def _count(
        self, connection: Connection, events: Sequence[Sequence[Event]], held: dict[Key, Standing]
    ) -> tuple[list[list[LevelUp]], list[list[UnlockedAchievement]]]:
        keys = {
            (pending.config.guild_id, event.user_id)
            for pending, fresh in zip(self._group, events, strict=True)
            for event in fresh
        }
        if not keys:
            return [[] for _ in self._group], [[] for _ in self._group]
        standings = await lock(connection, keys, held)
        await refuse_erased(connection, standings, partial(self._oldest, events))
        if any(standing.left_at is not None for standing in standings.values()):
            seen = (
                (standings[pending.config.guild_id, event.user_id], event.occurred_at)
                for pending, fresh in zip(self._group, events, strict=True)
                for event in fresh
            )
            await welcome_back(connection, seen)
        requests = [(pending.config, fresh) for pending, fresh in zip(self._group, events, strict=True)]
        names = await store_names(connection, requests, standings)
        ledger = Ledger()
        counting = Counting(standings, await self._caps(connection, events), ledger)
        peaks = Peaks(counting, standings)
        level_ups = [peaks.count(pending.config, fresh) for pending, fresh in zip(self._group, events, strict=True)]
        if counting.late:
            await fill(connection, counting.late, ledger)
        self._unlocked = await unlocks.evaluate_and_store(
            self._unlocking, connection, requests, standings, peaks, ledger, self._now, names
        )
        unlocked = unlocks.unlocked_by_request(requests, self._unlocked, level_ups, standings)
        level_ups = await with_names(connection, requests, level_ups, standings, names)
        await publish(
            connection,
            [
                reached(pending.config.guild_id, level)
                for pending, levels in zip(self._group, level_ups, strict=True)
                for level in levels
            ],
        )
        return level_ups, unlocked

    def _oldest(self, events: Sequence[Sequence[Event]]) -> dict[Key, datetime]:
        """The time of each member's first event."""
        found: dict[Key, datetime] = {}
        for pending, fresh in zip(self._group, events, strict=True):
            for event in fresh:
                key = pending.config.guild_id, int(event.user_id)
                found[key] = min(found.get(key, event.occurred_at), event.occurred_at)
        return found

    async def _caps(self, connection: Connection, events: Sequence[Sequence[Event]]) -> Caps:
        """The XP that the daily caps have counted already, for these members and days."""
        wanted = {
            (pending.config.guild_id, day, event.user_id)
            for pending, fresh in zip(self._group, events, strict=True)
            if earning_of(pending.config).cap is not None
            for event in fresh
            for day in days_of(pending.config, event)
        }
        if not wanted:
            return {}
        rows = await connection.fetch(queries.EARNED, *zip(*wanted, strict=True))
        return {(row[0], row[1], row[2]): row[3] for row in rows}


def _is_of_before(erased: Mapping[Key, datetime], guild_id: int, event: Event) -> bool:
    """Whether the event is older than the erasure of its member."""
    erased_at = erased.get((guild_id, event.user_id))
    return erased_at is not None and event.occurred_at < erased_at
