"""`guildhall users`: the operator's commands to export and erase a person's data."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from api.auth.actors import system
from api.cli.terminal import SnowflakeType, located, run, written
from api.config import Settings
from api.privacy.dtos import ErasureView


@click.group()
def users() -> None:
    """Export or erase a person's data."""


@users.command("export")
@click.argument("user_id", type=SnowflakeType("user_id"))
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=False)
def users_export(user_id: int, file: Path | None) -> None:
    """Export all data about a person as JSON. Without FILE, it goes to standard output."""
    settings, _ = located()
    if file is None:
        run(_export(settings, user_id, sys.stdout.buffer))
        click.echo()
        return
    with written(file) as stream:
        run(_export(settings, user_id, stream))
    click.echo(f"{file}: {file.stat().st_size:,} bytes. It holds personal data: keep it safe.")


@users.command("erase")
@click.argument("user_id", type=SnowflakeType("user_id"))
@click.option("--opt-out", is_flag=True, help="Also drop their future events.")
@click.confirmation_option(prompt="This erases the person everywhere, permanently. Continue?")
def users_erase(user_id: int, opt_out: bool) -> None:
    """Erase a person everywhere. The server can keep running."""
    settings, _ = located()
    receipt = run(_erase(settings, user_id, opt_out=opt_out))
    click.echo(f"receipt {receipt.receipt}: {receipt.rows:,} rows in {receipt.guilds:,} guild(s)")


async def _export(settings: Settings, user_id: int, stream: BinaryIO) -> None:
    from api.cli.setup import opened

    async with opened(settings) as services:
        async for piece in services.exporter_of_people.export(system("command line"), user_id):
            stream.write(piece)


async def _erase(settings: Settings, user_id: int, *, opt_out: bool) -> ErasureView:
    from api.cli.setup import opened

    async with opened(settings) as services:
        return await services.eraser.erase(system("command line"), user_id, opt_out=opt_out)
