"""What runs while the application does: its connections, its look-outs, its jobs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.config import Settings
from api.core import Core
from api.events.reading import Reader
from api.features import Features
from api.jobs.housekeeping import Jobs
from api.postgres.change_watcher import stop
from api.postgres.provision import connect_arguments, role_to_take
from api.runtime.draining import drained


@contextlib.asynccontextmanager
async def running(core: Core, features: Features, settings: Settings) -> AsyncIterator[None]:
    """Opens the database and starts what runs by itself; at the end lets it finish, and closes."""
    arguments = connect_arguments(settings, role=await role_to_take(settings))
    await core.database.open(arguments)
    jobs = Jobs(core, features)
    coroutines = [
        core.changes.run(arguments),
        jobs.run(),
        core.limiter.run(),
        core.hub.run(),
        Reader(core.hub).run(arguments),
    ]
    if settings.jobs:
        coroutines += [features.imports.worker.run(), features.deliverer.run()]
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        with drained(core.health, settings.drain):
            yield
    finally:
        core.health.draining = True
        for task in tasks:
            await stop(task)
        await jobs.finish()
        if core.people.discord is not None:
            await core.people.discord.close()
        await core.database.close()
