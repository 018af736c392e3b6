"""The work of `guildhall import`, `export` and `worker`, in a process without a server."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from api.auth.actors import system
from api.cli.terminal import Refused
from api.config import Settings
from api.errors import Invalid, NotFound
from api.imports.dtos import ImportQuery, ImportView
from api.imports.service import PIECE
from api.lib import tracing
from api.lib.faults import ParameterFault
from api.runtime.lifespan import connected
from api.services import Services


async def bring_in(settings: Settings, guild_id: int, file: Path, query: ImportQuery) -> ImportView:
    """Imports a file, with a progress bar on the terminal. Returns the finished import."""
    actor = system("command line")
    async with _opened(settings) as services:
        imports = services.imports
        await _require_guild(services, guild_id)
        try:
            view, job = await imports.begin(actor, guild_id, query, _pieces(file), leased=True)
        except Invalid as invalid:
            messages = (
                f"--{each.parameter} {each.message}." for each in invalid.errors if isinstance(each, ParameterFault)
            )
            raise Refused(" ".join(messages)) from None
        with click.progressbar(length=1000, label=file.name, show_eta=True) as bar:

            def show_progress(progress: float) -> None:
                bar.update(round(progress * 1000) - bar.pos)

            leased = [job]
            while True:
                for leased_job in leased:
                    await services.job_runner.do(leased_job, show_progress)
                view = await imports.get(actor, int(view.id))
                if view.finished_at is not None:
                    show_progress(1.0)
                    return view
                # It failed for now, or a server has taken it over: one of the two continues.
                await asyncio.sleep(1)
                show_progress(view.progress)
                leased = await services.queue.lease(only=job)


async def _require_guild(services: Services, guild_id: int) -> None:
    """Refuses a guild that does not exist here."""
    try:
        await services.guilds.get(guild_id)
    except NotFound:
        raise Refused(
            f"There is no guild {guild_id} here yet. A bot registers it with `PUT /v1/guilds/{guild_id}`."
        ) from None


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece


async def take_out(settings: Settings, guild_id: int, stream: BinaryIO) -> None:
    """Exports a guild."""
    async with _opened(settings) as services:
        await _require_guild(services, guild_id)
        async for lines in services.exporter.export(system("command line"), guild_id):
            stream.write(lines)
        stream.flush()


async def work(settings: Settings) -> None:
    """Runs jobs and sends webhooks until SIGTERM or SIGINT."""
    if settings.traces_url is not None:
        tracing.start(settings.traces_url)
    async with _opened(settings) as services:
        working = asyncio.gather(*(worker.run() for worker in services.workers))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, working.cancel)
        with suppress(asyncio.CancelledError):
            await working
    tracing.stop()


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Services]:
    """The services of a process without a server, which may wait longer for a connection."""
    settings = msgspec.structs.replace(settings, acquire_timeout_ms=5000)
    services = Services(settings)
    async with connected(services, settings, follows_changes=True):
        yield services
