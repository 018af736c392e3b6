"""Scheduled tasks: purging, storing the last uses of keys and sessions, watching the event loop."""

import asyncio
import time

import structlog

from api.jobs.schedule import TICK_SECONDS, Scheduled, run_for_ever, to_the_end
from api.services import Services

log = structlog.get_logger("guildhall.jobs")

USES_EVERY = 60
SESSIONS_EVERY = 300
PURGE_EVERY = 600
UPKEEP_EVERY = 3600


class Jobs:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._keyring = services.keyring
        self._people = services.accounts
        self._often = [
            Scheduled("uses of keys", USES_EVERY, services.keyring.note_uses),
            Scheduled("uses of sessions", USES_EVERY, services.accounts.sessions.note_uses),
        ]
        if services.accounts.grants is not None:
            self._often.append(Scheduled("grants", SESSIONS_EVERY, services.accounts.grants.upkeep))
        # One after the other, so they use one connection at a time. The last may take hours.
        self._sweeps = [
            Scheduled("upkeep", UPKEEP_EVERY, services.upkeep.run),
            Scheduled("budgets", PURGE_EVERY, services.limiter.sweep),
            Scheduled("files of imports", PURGE_EVERY, services.import_job.sweep_strays),
            Scheduled("deliveries", PURGE_EVERY, to_the_end(services.deliverer.sweep)),
            Scheduled("kept answers", PURGE_EVERY, to_the_end(services.idempotency.sweep)),
            Scheduled("revisions", PURGE_EVERY, to_the_end(services.settings.delete_old_revisions)),
            Scheduled("sums of large guilds", UPKEEP_EVERY, services.folding.run),
            Scheduled("guilds", PURGE_EVERY, services.purging.purge_all),
        ]

    async def run(self) -> None:
        """Runs for ever. A failed task is logged and repeated."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(run_for_ever(self._often))
            group.create_task(run_for_ever(self._sweeps))

    async def finish(self) -> None:
        """Writes data that are only in memory."""
        try:
            async with asyncio.timeout(1):
                await self._keyring.note_uses()
                await self._people.sessions.note_uses()
        except Exception as error:  # no error may keep the database's connections from being closed
            log.warning("the last uses of keys and sessions were not stored", error=type(error).__name__)

    async def _watch(self) -> None:
        metrics, database = self._services.metrics, self._services.database
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            lag = time.perf_counter() - before - TICK_SECONDS
            metrics.in_flight.set(metrics.running)
            metrics.loop_lag.set(max(lag, 0.0))
            metrics.pool_in_use.set(database.in_use)
            metrics.pool_waiting.set(database.waiting)
            metrics.rollbacks.set(database.rollbacks)
            metrics.changes_age.set(self._services.watcher.age())
