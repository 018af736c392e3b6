"""What runs while the application does: its connections, its look-outs, its jobs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.config import Settings
from api.events.reading import Reader
from api.postgres.change_watcher import stop
from api.runtime.draining import drained
from api.runtime.housekeeping import Jobs
from api.services import Services


@contextlib.asynccontextmanager
async def running(services: Services, settings: Settings) -> AsyncIterator[None]:
    """Opens the database and starts what runs by itself; at the end lets it finish, and closes."""
    arguments = await services.connect_arguments()
    await services.database.open(arguments)
    await services.snapshots.open(arguments)
    jobs = Jobs(services)
    coroutines = [
        services.changes.run(arguments),
        jobs.run(),
        services.limiter.run(),
        services.hub.run(),
        Reader(services.hub).run(arguments),
    ]
    if settings.jobs:
        coroutines += [services.worker.run(), services.deliverer.run()]
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
