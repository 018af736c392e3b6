"""`guildhall import`, `export` and `worker`: standings and history in and out, with a server beside or without."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, get_args

import click
import msgspec

import piccolo_conf
from api.auth.actors import system
from api.changes import Changes, stop
from api.config import Settings
from api.database import Database
from api.errors import Invalid
from api.guilds.pickers import PickerService
from api.guilds.service import GuildService
from api.imports.building import Imports, build
from api.imports.dtos import ImportQuery, ImportView, Mode, Source
from api.imports.service import PIECE
from api.lib import snowflakes
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.logs import configure
from api.members.rulebook import Rulebook
from api.parts import Parts
from api.provision import connect_arguments, made_secret, role_to_take
from api.settings.registry import Registry
from api.settings.service import SettingsService
from api.terminal import Refused, located, run

SHOWN_REFUSALS = 20


class _GuildId(click.ParamType[int]):
    name = "guild_id"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = snowflakes.parse(str(value))
        if found is None:
            self.fail(f"{value!r} {snowflakes.MESSAGE}", param, ctx)
        return found


@click.command("import")
@click.argument("guild_id", type=_GuildId())
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", type=click.Choice(get_args(Source)), required=True, help="Where the file is from.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="What becomes of what is there; `set` if not named.")
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@click.option("--settings", "takes_settings", is_flag=True, help="Take the file's settings into `leveling` too.")
def import_file(
    guild_id: int, file: Path, source: Source, mode: Mode | None, dry_run: bool, takes_settings: bool
) -> None:
    """Bring standings or history of FILE into a guild."""
    settings, _ = located()
    configure("warning", console=True)
    query = ImportQuery(source=source, mode=mode, dry_run=dry_run, settings=takes_settings)
    view = run(_import(settings, guild_id, file, query))
    _tell(view)
    if view.status == "failed":
        raise SystemExit(1)


async def _import(settings: Settings, guild_id: int, file: Path, query: ImportQuery) -> ImportView:
    async with _opened(settings) as (imports, guilds):
        await guilds.get(guild_id)
        actor = system("command line")
        try:
            view, job = await imports.service.begin(actor, guild_id, query, _pieces(file), hold=True)
        except Invalid as invalid:
            raise Refused("; ".join(f"{fault} {fault.message}" for fault in invalid.errors)) from None
        with click.progressbar(length=1000, label=f"Importing {file.name}", show_eta=True) as bar:

            def told(progress: float) -> None:
                bar.update(int(progress * 1000) - bar.pos)

            await imports.worker.do(job, told)
            # Another process may have taken it over, had this one been stopped for a while.
            view = await imports.service.get(actor, int(view.id))
            while view.status in ("queued", "running"):
                await asyncio.sleep(0.5)
                again = await imports.worker.take_up(job.subject)
                view = await imports.service.get(actor, int(view.id))
                told(view.progress)
                del again
        return view
