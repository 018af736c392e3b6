"""What `guildhall import`, `export` and `worker` do: the parts of imports in a process that serves nobody."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import click

import piccolo_conf
from api.achievements.building import build as build_achievements
from api.auth.actors import system
from api.auth.keyring import Keyring
from api.cli.terminal import Refused
from api.config import Settings
from api.core import discord_client
from api.errors import Invalid
from api.guilds.pickers import PickerService
from api.guilds.purging import Purging
from api.guilds.service import GuildService
from api.imports.building import Imports, build
from api.imports.dtos import ImportQuery, ImportView
from api.imports.service import PIECE
from api.jobs.queue import Held
from api.lib.clock import Clock
from api.lib.faults import ParameterFault
from api.lib.pagination import Cursors
from api.members.rulebook import Rulebook
from api.people.building import build as build_people
from api.people.current import CurrentCredentials
from api.postgres.change_watcher import Changes, stop
from api.postgres.database import Database
from api.postgres.partitions import Parts
from api.postgres.provision import connect_arguments, made_secret, role_to_take
from api.settings.registry import Registry
from api.settings.service import SettingsService
from api.webhooks.delivering import Deliverer
from api.webhooks.resolving import Resolver
from api.webhooks.secrets import Vault
from api.webhooks.sending import Sender


async def bring_in(settings: Settings, guild_id: int, file: Path, query: ImportQuery) -> ImportView:
    """Imports a file, with a bar on the terminal; how it ended."""
    actor = system("command line")
    async with _opened(settings) as (imports, guilds):
        await guilds.get(guild_id)
        try:
            view, job = await imports.service.begin(actor, guild_id, query, _pieces(file), hold=True)
        except Invalid as invalid:
            told = (
                f"--{each.parameter} {each.message}." for each in invalid.errors if isinstance(each, ParameterFault)
            )
            raise Refused(" ".join(told)) from None
        with click.progressbar(length=1000, label=file.name, show_eta=True) as bar:

            def tell(progress: float) -> None:
                bar.update(round(progress * 1000) - bar.pos)

            held: Held | None = job
            while True:
                if held is not None:
                    await imports.worker.do(held, tell)
                view = await imports.service.get(actor, int(view.id))
                if view.finished_at is not None:
                    tell(1.0)
                    return view
                # It failed for now, or a server has taken it over: one of the two goes on.
                await asyncio.sleep(1)
                tell(view.progress)
                held = await imports.queue.take(job)


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece


async def take_out(settings: Settings, guild_id: int, stream: BinaryIO) -> None:
    """Exports a guild."""
    async with _opened(settings) as (imports, _):
        async for lines in imports.exporter.export(system("command line"), guild_id):
            stream.write(lines)
        stream.flush()


async def work(settings: Settings) -> None:
    """Does jobs and sends webhooks until SIGTERM or SIGINT."""
    async with _opened(settings) as (imports, _):
        working = asyncio.gather(imports.worker.run(), _deliverer(settings, imports).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, working.cancel)
        with suppress(asyncio.CancelledError):
            await working


def _deliverer(settings: Settings, imports: Imports) -> Deliverer:
    """What sends webhooks, on the same database."""
    sender = Sender(Resolver(), private=settings.webhook_private_addresses)
    return Deliverer(imports.queue.database, Clock(), Vault(_secrets(settings)), sender)


def _secrets(settings: Settings) -> list[str]:
    """The installation's secret, and the one before while it is being rotated."""
    previous = [] if settings.secret_previous is None else [settings.secret_previous]
    return [settings.secret or made_secret(settings.data_path), *previous]


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Imports, GuildService]]:
    """Imports, and guilds, of a process that serves nobody."""
    clock, changes = Clock(), Changes()
    database = Database(piccolo_conf.DB, pool_size=settings.pool_size, acquire_timeout=5)
    secrets = _secrets(settings)
    cursors = Cursors(secrets[:1], clock.now)
    people = build_people(
        database,
        changes,
        clock,
        cursors,
        secrets=secrets,
        client=discord_client(settings),
        public_url=settings.public_url,
        own_url=settings.own_url,
        transport=None,
    )
    purging = Purging(database, clock, timedelta(days=settings.retention_days))
    guilds = GuildService(database, changes, cursors, clock, purging)
    rulebook, parts = Rulebook(database, changes), Parts(database)
    imports = build(
        database,
        clock,
        cursors,
        rulebook,
        parts,
        guilds=guilds,
        pickers=PickerService(database, changes, clock),
        settings=SettingsService(
            database,
            changes,
            Registry(database, changes),
            cursors,
            clock,
            kept=settings.revisions_kept,
            kept_for=timedelta(days=settings.revisions_kept_days),
        ),
        achievements=build_achievements(
            database, changes, clock, cursors, rulebook, parts, retention=timedelta(days=settings.retention_days)
        ),
        credentials=CurrentCredentials(Keyring(database, changes, clock), people),
        hours=timedelta(days=settings.hours_kept_days),
    )
    arguments = connect_arguments(settings, role=await role_to_take(settings))
    await database.open(arguments)
    looking = asyncio.create_task(changes.run(arguments))
    try:
        yield imports, guilds
    finally:
        await stop(looking)
        if people.discord is not None:
            await people.discord.close()
        await database.close()
