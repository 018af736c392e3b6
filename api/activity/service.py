"""Records activity: each event once, each answer after its commit.

Requests that arrive while a transaction commits share the next one, across guilds: the commit in flight is the clock.
Each request gets its own answer, and a request that fails harms no other."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog

from api.achievements.unlocking import Unlocking
from api.activity.dtos import ActivityView, Event, RejectedEvent, StatEvent, VoiceEvent
from api.activity.rules import range_fault
from api.activity.stat_names import StatNames
from api.activity.transaction import PendingBatch, Transaction
from api.errors import Overloaded, Unavailable
from api.idempotency.claims import Claim
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.postgres.database import Database
from api.postgres.partitions import Partitions

log = structlog.get_logger("guildhall.activity")

OLDEST = timedelta(days=7)
LATEST = timedelta(minutes=5)
COUNTING = (VoiceEvent, StatEvent)  # events that have an amount

# The most events of a transaction; one larger request has a transaction of its own.
MOST_EVENTS = 2000
MOST_REQUESTS = 256
MOST_WAITING = 100_000  # events; about a second of work
IN_FLIGHT = 4  # transactions at a time: while one waits for the database, the next is counted
ENOUGH = 16  # waiting events that start another transaction: smaller ones cost more for each event
# Requests with this few events do not wait for others of their guild: their row locks are short.
FEW = 8


class ActivityService:
    def __init__(
        self,
        database: Database,
        leveling_configs: LevelingConfigCache,
        partitions: Partitions,
        unlocking: Unlocking,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._partitions = partitions
        self._unlocking = unlocking
        self._clock = clock
        self._metrics = metrics
        self._stat_names = StatNames(database)
        self._waiting: deque[PendingBatch] = deque()
        self._waiting_events = 0
        self._running: dict[asyncio.Task[None], set[int]] = {}  # with the guilds of their large requests

    def cached_config(self, guild_id: int) -> LevelingConfig | None:
        """The guild's leveling config, if it is in memory and fresh."""
        return self._leveling_configs.cached(guild_id)

    async def record(self, guild_id: int, events: Sequence[Event], claim: Claim | None = None) -> ActivityView:
        """Counts the events. Sent twice, the events of the second time are duplicates. Raises `NotFound`, `Overloaded`,
        `DatabaseAway`, and `StillRunning` if another request has the claim by now."""
        config = self.cached_config(guild_id) or await self._leveling_configs.get(guild_id)
        now = self._clock.now()
        rejected = rejections(events, now)
        timely = without(events, rejected)
        if unknown := self._stat_names.unknown(config, timely):
            refused = await self._stat_names.register(config, unknown)
            rejected = with_stats(rejected, events, refused)
            timely = without(events, rejected)
        events = timely
        if not events:
            return ActivityView(0, 0, rejected, [], [])
        if self._waiting_events > MOST_WAITING:
            raise Overloaded
        pending = PendingBatch(config, events, rejected, now, claim, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        self._waiting_events += len(events)
        self._start()
        answer = await pending.result
        self._metrics.accepted.inc(answer.accepted)
        self._metrics.duplicates.inc(answer.duplicates)
        return answer

    def _start(self) -> None:
        """Starts transactions for the waiting requests. A lone request starts at once."""
        while self._waiting and len(self._running) < IN_FLIGHT:
            if self._running and self._waiting_events < ENOUGH:
                return  # too few to be worth a transaction: more will have come when the others commit
            if not (group := self._next()):
                return
            guilds = {pending.config.guild_id for pending in group if len(pending.events) > FEW}
            task = asyncio.create_task(self._commit(group))
            self._running[task] = guilds
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Frees the place of a transaction, once: as soon as its result is known, else when its task ends."""
        if task in self._running:
            del self._running[task]
            self._start()

    def _next(self) -> list[PendingBatch]:
        """The requests of the next transaction, in the order in which they came. Large requests of one guild are in two
        transactions at a time only if there is nothing else to do: while one is stored, the other is counted. Then it
        waits for locks of the first, in a place that another guild could have had."""
        return self._without(set().union(*self._running.values())) or (
            self._without(set()) if len(self._running) == 1 else []
        )

    def _without(self, guilds: Collection[int]) -> list[PendingBatch]:
        """Takes waiting requests, but none of these guilds."""
        group: list[PendingBatch] = []
        events = 0
        passed: deque[PendingBatch] = deque()
        while self._waiting:
            pending = self._waiting.popleft()
            if pending.config.guild_id in guilds:
                passed.append(pending)
            elif group and (events + len(pending.events) > MOST_EVENTS or len(group) >= MOST_REQUESTS):
                passed.append(pending)
                break
            else:
                group.append(pending)
                events += len(pending.events)
        passed.extend(self._waiting)
        self._waiting = passed
        self._waiting_events -= events
        return group

    async def _commit(self, group: list[PendingBatch]) -> None:
        try:
            await self._try(group)
        except BaseException as error:  # whatever the error is, every waiting request gets it
            for pending in group:
                if not pending.result.done():
                    pending.result.set_exception(error if isinstance(error, Exception) else Overloaded())
            if not isinstance(error, Exception):
                raise

    async def _try(self, group: list[PendingBatch]) -> None:
        try:
            answers = await self._run(group)
        except Unavailable:  # no connection: one request alone would not get one either
            raise
        except Exception as error:
            if len(group) == 1:
                raise
            log.warning(
                "a group failed; its requests are tried one by one", requests=len(group), error=repr(error)[:300]
            )
            for pending in group:
                if not pending.result.done():  # its client may have gone meanwhile
                    await self._commit([pending])
            return
        if task := asyncio.current_task():
            self._end(task)  # before the answers are sent: the database has nothing to do meanwhile
        for pending, answer in zip(group, answers, strict=True):
            if not pending.result.done():  # its client may have gone
                pending.result.set_result(answer)

    async def _run(self, group: list[PendingBatch]) -> list[ActivityView]:
        return await Transaction(self._database, self._partitions, self._unlocking, group).run()


def without(events: Sequence[Event], rejected: Sequence[RejectedEvent]) -> Sequence[Event]:
    """The events that are not rejected."""
    if not rejected:
        return events
    refused = {rejection.index for rejection in rejected}
    return [event for index, event in enumerate(events) if index not in refused]


def with_stats(rejected: list[RejectedEvent], events: Sequence[Event], refused: Collection[str]) -> list[RejectedEvent]:
    """The rejections, with those of the events whose stats are refused, in the order of the request."""
    if not refused:
        return rejected
    found = {each.index: each for each in rejected}
    for index, event in enumerate(events):
        if type(event) is StatEvent and event.stat in refused and index not in found:
            found[index] = RejectedEvent(index, "too_many_stats")
    return [found[index] for index in sorted(found)]


def rejections(events: Sequence[Event], now: datetime) -> list[RejectedEvent]:
    """The rejected events: too old, in the future, or out of range."""
    oldest, latest = now - OLDEST, now + LATEST
    found = []
    for index, event in enumerate(events):
        if not oldest <= event.occurred_at <= latest:
            found.append(RejectedEvent(index, "too_old" if event.occurred_at < oldest else "in_future"))
        elif type(event) in COUNTING and range_fault(event) is not None:
            found.append(RejectedEvent(index, "out_of_range"))
    return found
