"""`guildhall import`, `export` and `worker`. They work with or without a running server."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import get_args

import click

from api.cli.terminal import Refused, SnowflakeType, located, run, written
from api.imports.dtos import ImportQuery, ImportView, Mode, Source
from api.runtime.logs import configure

SHOWN = 20


@click.command("import")
@click.argument("guild_id", type=SnowflakeType("guild_id"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source", type=click.Choice(get_args(Source)), required=True, help="The bot or format that the file comes from."
)
@click.option(
    "--mode",
    type=click.Choice(get_args(Mode)),
    help="XP that members have already: set replaces it, add adds to it, max keeps the larger. Default: set.",
)
@click.option("--dry-run", is_flag=True, help="Only report what would change.")
@click.option(
    "--settings", "takes_settings", is_flag=True, help="Also import the file's settings into the module `leveling`."
)
def import_file(
    guild_id: int, file: Path, source: Source, mode: Mode | None, dry_run: bool, takes_settings: bool
) -> None:
    """Import FILE into a guild. The file has XP and levels of members, or past activity."""
    from api.cli.transferring import bring_in

    settings, _ = located()
    configure("warning", console=True)
    query = ImportQuery(source=source, mode=mode, dry_run=dry_run, settings=takes_settings)
    try:
        view = run(bring_in(settings, guild_id, file, query))
    except KeyboardInterrupt:
        raise Refused("Stopped. A running server or `guildhall worker` continues the import.") from None
    _print_result(view)
    if view.status == "failed":
        raise SystemExit(1)


def _print_result(view: ImportView) -> None:
    """Prints the result of an import."""
    counts = view.counts
    click.echo(
        f"{view.status}: {counts.rows:,} rows, {counts.imported:,} imported, {counts.unchanged:,} unchanged, "
        f"{counts.refused:,} refused" + (" (a dry run: nothing is stored)" if view.dry_run else "")
    )
    for refused in view.refused[:SHOWN]:
        where = f"row {refused.row}{' at ' + refused.pointer if refused.pointer else ''}: " if refused.row else ""
        click.echo(f"  {where}{refused.message}")
    if len(view.refused) > SHOWN:
        click.echo("  and more: `GET /v1/imports/" + view.id + "` lists the first 1,000")
    for each in view.preview[:SHOWN]:
        click.echo(
            f"  {each.user_id}: {each.xp_before:,} XP (level {each.level_before})"
            f" -> {each.xp_after:,} XP (level {each.level_after})"
        )


@click.command("export")
@click.argument("guild_id", type=SnowflakeType("guild_id"))
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=False)
def export_file(guild_id: int, file: Path | None) -> None:
    """Export a guild to FILE, or to standard output. `guildhall import --source guildhall` reads the file."""
    from api.cli.transferring import take_out

    settings, _ = located()
    configure("warning", console=True)
    if file is None:
        run(take_out(settings, guild_id, sys.stdout.buffer))
        return
    # Written beside the file first: a partial file must not look like an export.
    with written(file) as stream:
        run(take_out(settings, guild_id, stream))
    click.echo(f"{file}: {file.stat().st_size:,} bytes. It holds personal data: keep it safe.")


@click.command()
def worker() -> None:
    """Run imports, backfills and webhooks. Needed if servers have GUILDHALL_JOBS=false. Ends at SIGTERM or Ctrl-C."""
    from api.cli.transferring import work

    settings, _ = located()
    configure(settings.log_level, console=settings.console_log)
    with suppress(KeyboardInterrupt):
        run(work(settings))
