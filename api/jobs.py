"""What happens by itself: purging, noting the uses of keys and sessions, watching the event loop."""

import asyncio
import time

import structlog

from api.activity.upkeep import Upkeep
from api.auth.keyring import Keyring
from api.changes import Changes
from api.database import Database
from api.errors import Unavailable
from api.guilds.service import GuildService
from api.idempotency import Idempotency
from api.limits import Limiter
from api.metrics import Metrics
from api.people.building import People
from api.webhooks.delivering import Deliverer

log = structlog.get_logger("guildhall.jobs")

TICK_SECONDS = 1.0
USES_EVERY = 60
SESSIONS_EVERY = 300
PURGE_EVERY = 600
UPKEEP_EVERY = 3600


class Jobs:
    def __init__(
        self,
        guilds: GuildService,
        upkeep: Upkeep,
        idempotency: Idempotency,
        limiter: Limiter,
        deliverer: Deliverer,
        keyring: Keyring,
        people: People,
        metrics: Metrics,
        database: Database,
        changes: Changes,
    ) -> None:
        self._guilds = guilds
        self._upkeep = upkeep
        self._idempotency = idempotency
        self._limiter = limiter
        self._deliverer = deliverer
        self._keyring = keyring
        self._people = people
        self._metrics = metrics
        self._database = database
        self._changes = changes

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
                    while await self._upkeep.empty_guilds():  # noqa: ASYNC110 - others run between two lots
                        await asyncio.sleep(0)
                    await self._limiter.sweep()
                    await self._deliverer.sweep()
                    while await self._idempotency.sweep():  # noqa: ASYNC110 - the same
                        await asyncio.sleep(0)
                    while await self._guilds.purge():  # noqa: ASYNC110 - others run between two lots
                        await asyncio.sleep(0)
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
        self._metrics.in_flight.set(self._metrics.running)
        self._metrics.loop_lag.set(max(lag, 0.0))
        self._metrics.pool_in_use.set(self._database.in_use)
        self._metrics.pool_waiting.set(self._database.waiting)
        self._metrics.rollbacks.set(self._database.rollbacks)
        self._metrics.changes_age.set(self._changes.age())
