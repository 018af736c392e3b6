"""`guildhall keys`: API keys."""

from datetime import UTC, datetime, timedelta

import click
import msgspec

from api.auth.actors import system
from api.auth.scopes import ALL, KNOWN, Scope
from api.cli.terminal import Refused, located, run
from api.keys.dtos import CreateKey, KeyQuery, KeyView, RotateKey


@click.group()
def keys() -> None:
    """Manage API keys."""


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(sorted(KNOWN)), help="Can be repeated. Default: all scopes."
)
@click.option(
    "--guild", "guilds", multiple=True, help="Limit the key to this guild. Can be repeated. Default: all guilds."
)
@click.option("--expires-in-days", type=click.IntRange(1, 3650))
@click.option("--rate-limit", type=click.IntRange(1, 1_000_000), help="Requests a minute. Default: 6000.")
@click.option("--no-rate-limit", is_flag=True, help="Do not limit the requests.")
def keys_create(
    name: str,
    scopes: tuple[str, ...],
    guilds: tuple[str, ...],
    expires_in_days: int | None,
    rate_limit: int | None,
    no_rate_limit: bool,
) -> None:
    """Create a key, and print its secret once."""
    from api.cli.setup import opened
    from api.lib import snowflakes

    raw: dict[str, object] = {"name": name, "scopes": list(scopes) or sorted(ALL)}
    if guilds:
        raw["guild_ids"] = list(guilds)
    if rate_limit is not None or no_rate_limit:
        raw["rate_limit"] = None if no_rate_limit else rate_limit
    if expires_in_days is not None:
        raw["expires_at"] = datetime.now(UTC) + timedelta(days=expires_in_days)
    try:
        data = msgspec.convert(raw, CreateKey, dec_hook=snowflakes.decode)
    except msgspec.ValidationError as error:
        raise Refused(str(error)) from None
    settings, _ = located()

    async def create() -> KeyView:
        async with opened(settings) as services:
            return await services.keys.create(system("command line"), data)

    _print_key(run(create()))


@keys.command("list")
@click.option("--revoked", is_flag=True, help="List the revoked keys instead.")
def keys_list(revoked: bool) -> None:
    """List the keys, newest first."""
    from api.cli.setup import opened

    settings, _ = located()

    async def read() -> list[KeyView]:
        found: list[KeyView] = []
        cursor = None
        async with opened(settings) as services:
            while True:
                page = await services.keys.list_keys(system(), KeyQuery(limit=100, cursor=cursor, deleted=revoked))
                found += page.items
                cursor = page.next_cursor
                if cursor is None:
                    return found

    for key in run(read()):
        guilds = "all guilds" if key.guild_ids is None else f"{len(key.guild_ids)} guild(s)"
        used = "never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d %H:%M}"
        ends = "" if key.expires_at is None else f", ends {key.expires_at:%Y-%m-%d %H:%M}"
        scopes = "all scopes" if set(key.scopes) == set(Scope) else " ".join(key.scopes)
        maker = "" if key.parent_id is None else f", made by {key.parent_id}"
        click.echo(f"{key.id:>6}  {key.prefix}…  {key.name}: {scopes}; {guilds}; {used}{ends}{maker}")


@keys.command("revoke")
@click.argument("key_id", type=click.IntRange(min=1))
def keys_revoke(key_id: int) -> None:
    """Revoke a key, and all keys that it made."""
    from api.cli.setup import opened

    settings, _ = located()

    async def revoke() -> None:
        async with opened(settings) as services:
            await services.keys.revoke(system("command line"), key_id)

    run(revoke())
    click.echo(f"Key {key_id} and all keys that it made are revoked. Every worker refuses them within five seconds.")


@keys.command("rotate")
@click.argument("key_id", type=click.IntRange(min=1))
@click.option("--grace-seconds", type=click.IntRange(0, 604_800), default=86_400, show_default=True)
def keys_rotate(key_id: int, grace_seconds: int) -> None:
    """Replace a key by a new one with the same rights. The old one ends after the grace period."""
    from api.cli.setup import opened

    settings, _ = located()

    async def rotate() -> KeyView:
        async with opened(settings) as services:
            return await services.keys.rotate(system("command line"), key_id, RotateKey(grace_seconds))

    _print_key(run(rotate()))


def _print_key(key: KeyView) -> None:
    click.echo(f"id      {key.id}\nname    {key.name}\nsecret  {key.secret}\nThe secret is shown only once.")
