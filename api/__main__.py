"""The `guildhall` command: parses, calls, prints."""

import sys
from pathlib import Path

import click
import msgspec

from api.cli.achievements import achievements
from api.cli.admins import admins
from api.cli.keys import keys
from api.cli.terminal import Refused, located, run
from api.cli.transfers import export_file, import_file, worker
from api.cli.users import users
from api.lib.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="guildhall")
def main() -> None:
    """Guildhall: guild settings, user stats and achievements for community bots."""


main.add_command(keys)
main.add_command(admins)
main.add_command(users)
main.add_command(import_file)
main.add_command(export_file)
main.add_command(worker)
main.add_command(achievements)


@main.command()
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes. Default: GUILDHALL_WORKERS, or 1.")
def serve(workers: int | None) -> None:
    """Serve the API. Outside production, also migrate, and create a first administrator and key."""
    from api.cli.setup import make_first
    from api.cli.welcome import welcome
    from api.postgres.access import UnusableDatabase
    from api.postgres.embedded.user import EmbeddedPostgresError
    from api.postgres.migrations import migrate as run_migrations
    from api.postgres.preflight import refuse_unusable
    from api.runtime import server
    from api.runtime.embedded_database import kept_running
    from piccolo_conf import DB

    server.stop_when_hung_up()
    settings, found = located(founding=True)
    if workers is not None:
        settings = msgspec.structs.replace(settings, workers=workers)
    try:
        listening = server.listen(settings)
    except server.AddressInUse as error:
        raise Refused(str(error)) from None
    try:
        run(refuse_unusable(settings))
    except UnusableDatabase as error:
        raise Refused(str(error)) from None
    if not settings.production:
        run(run_migrations(DB, found.owner_url, session_url=found.session_url))
    key = None if settings.production else run(make_first(settings, click.echo))
    try:
        with kept_running(found.embedded, settings):
            server.serve(settings, listening, lambda: click.echo(welcome(settings, found, key, listening)))
    except EmbeddedPostgresError as error:
        raise Refused(str(error)) from None


@main.command()
@click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
def migrate(sql: bool) -> None:
    """Migrate the database to this version. Also grants the roles their rights."""
    from api.postgres.migrations import migrate as run_migrations
    from piccolo_conf import DB

    _, found = located(founding=True)
    done = run(run_migrations(DB, found.owner_url, session_url=found.session_url, dry_run=sql))
    if not sql:
        click.echo("\n".join(f"ran {id_}" for id_ in done) or "Nothing to do: the database is up to date.")
    elif done:
        click.echo("\n".join(done))


@main.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from api.app import describe

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(describe()), indent=2) + b"\n")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Back up the whole database to FILE. The server can keep running. The format is PostgreSQL's custom one."""
    from api.postgres.backup import BackupFailed
    from api.postgres.backup import backup as write

    _, found = located()
    try:
        write(found, file)
    except BackupFailed as error:
        raise Refused(str(error)) from None
    click.echo(f"{file}: {file.stat().st_size:,} bytes. It holds personal data and hashes: keep it safe.")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.confirmation_option(prompt="This replaces everything in the database. Continue?")
def restore(file: Path) -> None:
    """Replace the whole database by the backup in FILE. Also migrates it. Stop the server first."""
    from api.postgres.backup import BackupFailed
    from api.postgres.backup import restore as read
    from piccolo_conf import DB

    _, found = located(founding=True)
    try:
        run(read(DB, found, file))
    except BackupFailed as error:
        raise Refused(str(error)) from None
    click.echo("Restored.")


@main.command()
def doctor() -> None:
    """Check the installation, and say how to fix what is wrong."""
    from api.cli.doctor import examine

    settings, _ = located()
    findings = run(examine(settings))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.mend is None else 'BAD '} {finding.about}")
        if finding.mend is not None:
            click.echo(f"     {finding.mend}")
    sys.exit(any(finding.mend is not None for finding in findings))


if __name__ == "__main__":
    main()
