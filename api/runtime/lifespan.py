"""The parts that run with the application: its connections, its change watcher, its event poller, its jobs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.config import Settings
from api.events.event_poller import EventPoller
from api.lib import tracing
from api.postgres.access import find_access
from api.postgres.change_watcher import stop
from api.postgres.connections import Access
from api.postgres.failures import AWAY
from api.runtime.draining import drained
from api.runtime.housekeeping import Jobs
from api.services import Services

# A worker that starts while PostgreSQL restarts waits for it: if one worker cannot start, all of them end.
PATIENCE_SECONDS, PAUSE_SECONDS = 15.0, 0.3


async def _open(services: Services, settings: Settings) -> Access:
    ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            access = await find_access(settings)
            await services.database.open(access)
        except AWAY:
            if asyncio.get_running_loop().time() > ends:
                raise
        else:
            return access
        await asyncio.sleep(PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def running(services: Services, settings: Settings) -> AsyncIterator[None]:
    """Opens the database and starts the background tasks; at the end, lets them finish and closes the database."""
    if settings.traces_url is not None:
        tracing.start(settings.traces_url)
    access = await _open(services, settings)
    await services.snapshots.open(access.pooled)
    jobs = Jobs(services)
    coroutines = [
        services.watcher.run(access.session),
        jobs.run(),
        services.limiter.run(),
        services.broadcaster.run(),
        EventPoller(services.broadcaster).run(access.session),
    ]
    if services.reader.replica is not None:
        coroutines.append(services.reader.replica.run())
    if settings.jobs:
        coroutines += [worker.run() for worker in services.workers]
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        with drained(services.health, settings.drain):
            yield
    finally:
        services.health.draining = True
        for task in tasks:
            await stop(task)
        await jobs.finish()
        await services.close()
        await asyncio.to_thread(tracing.stop)


@contextlib.asynccontextmanager
async def connected(services: Services, settings: Settings, *, follows_changes: bool = False) -> AsyncIterator[None]:
    """Opens the database for a command. A long command follows changes of other processes."""
    access = await find_access(settings)
    await services.database.open(access)
    watching = asyncio.create_task(services.watcher.run(access.session)) if follows_changes else None
    try:
        yield
    finally:
        if watching is not None:
            await stop(watching)
        await services.close()
