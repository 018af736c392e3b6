"""What happens by itself: purging, noting the uses of keys and sessions, watching the event loop."""

import asyncio
import time

import structlog

from api.core import Core
from api.features import Features
from api.jobs.schedule import TICK_SECONDS, Scheduled, run_for_ever, to_the_end

log = structlog.get_logger("guildhall.jobs")

USES_EVERY = 60
SESSIONS_EVERY = 300
PURGE_EVERY = 600
UPKEEP_EVERY = 3600


class Jobs:
    def __init__(self, core: Core, features: Features) -> None:
        self._core = core
        self._keyring = core.keyring
        self._people = core.people
        self._often = [
            Scheduled("uses of keys", USES_EVERY, core.keyring.note_uses),
            Scheduled("uses of sessions", USES_EVERY, core.people.sessions.note_uses),
        ]
        if core.people.grants is not None:
            self._often.append(Scheduled("grants", SESSIONS_EVERY, core.people.grants.upkeep))
        # One after the other, so that they take one connection at a time. The last may take hours.
        self._sweeps = [
            Scheduled("upkeep", UPKEEP_EVERY, features.upkeep.run),
            Scheduled("budgets", PURGE_EVERY, core.limiter.sweep),
            Scheduled("deliveries", PURGE_EVERY, to_the_end(features.deliverer.sweep)),
            Scheduled("kept answers", PURGE_EVERY, to_the_end(features.idempotency.sweep)),
            Scheduled("revisions", PURGE_EVERY, to_the_end(features.settings.forget_old)),
            Scheduled("guilds", PURGE_EVERY, features.purging.purge_all),
        ]

    async def run(self) -> None:
        """Runs for ever; what fails is logged and comes again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(run_for_ever(self._often))
            group.create_task(run_for_ever(self._sweeps))

    async def finish(self) -> None:
        """Writes what is only in memory."""
        try:
            async with asyncio.timeout(1):
                await self._keyring.note_uses()
                await self._people.sessions.note_uses()
        except Exception as error:  # nothing may keep the database's connections from being closed
            log.warning("the last uses of keys and sessions were not noted", error=type(error).__name__)

    async def _watch(self) -> None:
        metrics, database = self._core.metrics, self._core.database
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            lag = time.perf_counter() - before - TICK_SECONDS
            metrics.in_flight.set(metrics.running)
            metrics.loop_lag.set(max(lag, 0.0))
            metrics.pool_in_use.set(database.in_use)
            metrics.pool_waiting.set(database.waiting)
            metrics.rollbacks.set(database.rollbacks)
            metrics.changes_age.set(self._core.changes.age())
