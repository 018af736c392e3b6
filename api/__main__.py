"""The `guildhall` command: parses, calls, prints."""

import asyncio
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from api.auth.actors import system
from api.auth.dtos import CreateKey, KeyView, RotateKey
from api.auth.scopes import ALL, KNOWN, Scope
from api.config import Settings, UnsafeConfiguration, load
from api.embedded import EmbeddedPostgresError
from api.errors import GuildhallError
from api.provision import Located, locate

T = TypeVar("T")


class Refused(click.ClickException):
    """Something that the person at the terminal can mend."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="guildhall")
def main() -> None:
    """Guildhall: guild settings, user stats and achievements for community bots."""


def located() -> tuple[Settings, Located]:
    """The settings, with the address of the database in them, and where the database is."""
    try:
        settings = load()
        found = locate(settings)
    except (UnsafeConfiguration, EmbeddedPostgresError) as error:
        raise Refused(str(error)) from None
    return msgspec.structs.replace(settings, database_url=found.app_url, owner_database_url=found.owner_url), found


def run(work: Coroutine[object, object, T]) -> T:
    """Runs it; what the database or a service refuses is told in its sentence."""
    try:
        return asyncio.run(work)
    except (GuildhallError, ValueError) as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"The database cannot be reached: {error}") from None


@main.command()
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes; GUILDHALL_WORKERS, else 1.")
def serve(workers: int | None) -> None:
    """Serve the API. Outside production it also migrates, and makes a first admin and key."""
    from api import server
    from api.migrations import migrate as run_migrations
    from api.setup import First, make_first
    from api.welcome import welcome
    from piccolo_conf import DB

    settings, found = located()
    if workers is not None:
        settings = msgspec.structs.replace(settings, workers=workers)
    try:
        listening = server.listen(settings)
    except server.AddressInUse as error:
        raise Refused(str(error)) from None
    first = First(None, None)
    if not settings.production:
        run(run_migrations(DB, found.owner_url))
        first = run(make_first(settings))
    server.serve(settings, listening, lambda: click.echo(welcome(settings, found, first, listening)))


@main.command()
@click.option("--sql", is_flag=True, help="Print the SQL that would run, and run nothing.")
def migrate(sql: bool) -> None:
    """Bring the database to what this version expects, and give the roles their rights."""
    from api.migrations import migrate as run_migrations
    from piccolo_conf import DB

    _, found = located()
    done = run(run_migrations(DB, found.owner_url, dry_run=sql))
    if sql:
        click.echo("\n".join(done))
    else:
        click.echo("\n".join(f"ran {id_}" for id_ in done) or "Nothing to do: the database is up to date.")


@main.group()
def keys() -> None:
    """Bots' keys."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(sorted(KNOWN)), help="All, if none is named.")
@click.option("--guild", "guilds", multiple=True, help="The only guilds it sees; all, if none is named.")
@click.option("--expires-in-days", type=click.IntRange(1, 3650))
@click.option("--rate-limit", type=click.IntRange(1, 1_000_000), help="Requests a minute; 6000 if not named.")
def keys_create(
    name: str,
    scopes: tuple[str, ...],
    guilds: tuple[str, ...],
    expires_in_days: int | None,
    rate_limit: int | None,
) -> None:
    """Make a key. It is printed once."""
    from api.lib import snowflakes
    from api.setup import key_service, opened

    raw: dict[str, object] = {"name": name, "scopes": list(scopes) or sorted(ALL)}
    if guilds:
        raw["guild_ids"] = list(guilds)
    if rate_limit is not None:
        raw["rate_limit"] = rate_limit
    if expires_in_days is not None:
        raw["expires_at"] = datetime.now(UTC) + timedelta(days=expires_in_days)
    try:
        wish = msgspec.convert(raw, CreateKey, dec_hook=snowflakes.decode)
    except msgspec.ValidationError as error:
        raise Refused(str(error)) from None
    settings, _ = located()

    async def create() -> KeyView:
        async with opened(settings) as database:
            return await key_service(settings, database).create(system("command line"), wish)

    _print_key(run(create()))


@keys.command("list")
@click.option("--revoked", is_flag=True, help="The revoked ones instead.")
def keys_list(revoked: bool) -> None:
    """List the keys, newest first."""
    from api.setup import key_service, opened

    settings, _ = located()

    async def read() -> list[KeyView]:
        found: list[KeyView] = []
        cursor = None
        async with opened(settings) as database:
            service = key_service(settings, database)
            while True:
                page = await service.list_keys(system(), limit=100, cursor=cursor, deleted=revoked)
                found += page.items
                cursor = page.next_cursor
                if cursor is None:
                    return found

    for key in run(read()):
        guilds = "all guilds" if key.guild_ids is None else f"{len(key.guild_ids)} guild(s)"
        used = "never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d %H:%M}"
        ends = "" if key.expires_at is None else f", ends {key.expires_at:%Y-%m-%d %H:%M}"
        scopes = "all scopes" if set(key.scopes) == set(Scope) else " ".join(key.scopes)
        click.echo(f"{key.id:>6}  {key.prefix}…  {key.name}: {scopes}; {guilds}; {used}{ends}")


@keys.command("revoke")
@click.argument("key_id", type=click.IntRange(min=1))
def keys_revoke(key_id: int) -> None:
    """End a key now."""
    from api.setup import key_service, opened

    settings, _ = located()

    async def revoke() -> None:
        async with opened(settings) as database:
            await key_service(settings, database).revoke(system("command line"), key_id)

    run(revoke())
    click.echo(f"Key {key_id} is revoked: every worker refuses it within five seconds.")


@keys.command("rotate")
@click.argument("key_id", type=click.IntRange(min=1))
@click.option("--grace-seconds", type=click.IntRange(0, 604_800), default=86_400, show_default=True)
def keys_rotate(key_id: int, grace_seconds: int) -> None:
    """Make a new key with the same rights; the old one ends after the grace."""
    from api.setup import key_service, opened

    settings, _ = located()

    async def rotate() -> KeyView:
        async with opened(settings) as database:
            service = key_service(settings, database)
            return await service.rotate(system("command line"), key_id, RotateKey(grace_seconds))

    _print_key(run(rotate()))


def _print_key(key: KeyView) -> None:
    click.echo(f"id      {key.id}\nname    {key.name}\nsecret  {key.secret}\nThis is the only time it is shown.")


@main.group()
def admins() -> None:
    """People who may open Piccolo Admin."""


@admins.command("create")
@click.argument("name")
@click.option("--password", help="Made and printed if not given; asked for with --password -")
def admins_create(name: str, password: str | None) -> None:
    """Make an admin."""
    from api.setup import create_admin, opened

    settings, _ = located()
    if password == "-":  # noqa: S105 - means: ask
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def create() -> str:
        async with opened(settings):
            return await create_admin(name, password)

    made = run(create())
    click.echo(f"{name} may log in at /admin/" + ("." if password else f" with the password {made}"))


@main.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from api.openapi import document

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write everything to FILE, in PostgreSQL's custom format; the server may go on serving."""
    from api.backup import BackupFailed
    from api.backup import backup as write

    _, found = located()
    try:
        write(found, file)
    except BackupFailed as error:
        raise Refused(str(error)) from None
    click.echo(f"{file}: {file.stat().st_size:,} bytes. It holds personal data and hashes: keep it safe.")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.confirmation_option(prompt="This replaces everything in the database. Go on?")
def restore(file: Path) -> None:
    """Replace everything by what FILE holds, and migrate it to this version. Stop the server first."""
    from api.backup import BackupFailed
    from api.backup import restore as read
    from piccolo_conf import DB

    settings, found = located()
    try:
        run(read(DB, settings, found, file))
    except BackupFailed as error:
        raise Refused(str(error)) from None
    click.echo("Restored.")


@main.command()
def doctor() -> None:
    """Check configuration, connection, roles, migrations and clock, and say how to mend what is wrong."""
    from api.doctor import examine

    settings, found = located()
    findings = run(examine(settings, found))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.mend is None else 'BAD '} {finding.about}")
        if finding.mend is not None:
            click.echo(f"     {finding.mend}")
    sys.exit(any(finding.mend is not None for finding in findings))


if __name__ == "__main__":
    main()
