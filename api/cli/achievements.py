"""`guildhall achievements install`: a pack of achievements, for every guild or for one."""

import click

from api.cli.terminal import GuildId, located, run


@click.group()
def achievements() -> None:
    """Achievements of the whole installation, or of a guild."""


@achievements.command()
@click.argument("pack", type=click.Choice(["starter"]))
@click.option("--guild", "guild_id", type=GuildId(), help="Only in this guild; for every guild if not named.")
def install(pack: str, guild_id: int | None) -> None:
    """Define the achievements of a PACK. What is there already, or was deleted, is left alone."""
    from api.achievements.packs import read
    from api.config import Settings

    async def made(settings: Settings) -> list[str]:
        from api.achievements import packs
        from api.auth.actors import system
        from api.cli.setup import opened
        from api.guilds.rules import INSTALLATION

        async with opened(settings) as services:
            return await packs.install(services.achievements, system("command line"), guild_id or INSTALLATION, pack)

    settings, _ = located()
    keys = run(made(settings))
    left = len(read(pack)) - len(keys)
    click.echo(f"{len(keys)} made: {', '.join(keys)}" if keys else "None made.")
    if left:
        click.echo(f"{left} left alone: they are there already, or were deleted.")
    if keys:
        click.echo("Who meets them already is given them in the background, by a server or `guildhall worker`.")
