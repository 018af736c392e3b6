"""`guildhall achievements install`: installs a pack of achievements, for every guild or for one."""

import click

from api.cli.terminal import SnowflakeType, located, run


@click.group()
def achievements() -> None:
    """Manage achievements."""


@achievements.command()
@click.argument("pack", type=click.Choice(["starter"]))
@click.option(
    "--guild", "guild_id", type=SnowflakeType("guild_id"), help="Install only in this guild. Default: for every guild."
)
def install(pack: str, guild_id: int | None) -> None:
    """Define the achievements of PACK. Achievements that exist or were deleted are skipped."""
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
    click.echo(f"{len(keys)} defined: {', '.join(keys)}" if keys else "Nothing to define.")
    if left:
        click.echo(f"{left} skipped: they exist already, or were deleted.")
    if keys:
        click.echo("Members who already meet them get them in the background, from a server or `guildhall worker`.")
