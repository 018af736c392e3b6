"""What happens by itself: purging, noting the uses of keys and sessions, watching the event loop."""

import asyncio
import time

import structlog

from api.core import Core
from api.errors import Unavailable
from api.features import Features

log = structlog.get_logger("guildhall.jobs")

TICK_SECONDS = 1.0
USES_EVERY = 60
SESSIONS_EVERY = 300
PURGE_EVERY = 600
UPKEEP_EVERY = 3600


class Jobs:
    def __init__(self, core: Core, features: Features) -> None:
        self._core = core
        self._keyring = core.keyring
        self._people = core.people
        self._limiter = core.limiter
        self._purging = features.purging
        self._settings = features.settings
        self._upkeep = features.upkeep
        self._idempotency = features.idempotency
        self._deliverer = features.deliverer

    async def run(self) -> None:
        """Runs for ever; what fails is logged and comes again."""
        tick = 0
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self._watch(time.perf_counter() - before - TICK_SECONDS)
            tick += 1
            try:
                if tick % USES_EVERY == 0:
                    await self._keyring.note_uses()
                    await self._people.sessions.note_uses()
                if tick % SESSIONS_EVERY == 1 and self._people.grants is not None:
                    await self._people.grants.upkeep()
                if tick % UPKEEP_EVERY == 1:
                    await self._upkeep.run()
                if tick % PURGE_EVERY == 1:
                    await self._limiter.sweep()
                    while await self._deliverer.sweep():  # noqa: ASYNC110 - the same
                        await asyncio.sleep(0)
                    while await self._idempotency.sweep():  # noqa: ASYNC110 - the same
                        await asyncio.sleep(0)
                    while await self._settings.forget_old():  # noqa: ASYNC110 - the same
                        await asyncio.sleep(0)
                    await self._purging.purge_all()
            except Unavailable as error:
                log.warning("a job waits for the database", type=error.type)
            except Exception:
                log.exception("a job failed")

    async def finish(self) -> None:
        """Writes what is only in memory."""
        try:
            async with asyncio.timeout(1):
                await self._keyring.note_uses()
                await self._people.sessions.note_uses()
        except Exception as error:  # nothing may keep the database's connections from being closed
            log.warning("the last uses of keys and sessions were not noted", error=type(error).__name__)

    def _watch(self, lag: float) -> None:
        metrics, database = self._core.metrics, self._core.database
        metrics.in_flight.set(metrics.running)
        metrics.loop_lag.set(max(lag, 0.0))
        metrics.pool_in_use.set(database.in_use)
        metrics.pool_waiting.set(database.waiting)
        metrics.rollbacks.set(database.rollbacks)
        metrics.changes_age.set(self._core.changes.age())
