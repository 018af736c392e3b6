"""`guildhall admins`: the administrators of Piccolo Admin."""

import sys
from collections.abc import Callable, Coroutine
from typing import TypeVar

import click

from api.cli.terminal import Refused, located, run
from api.config import Settings

T = TypeVar("T")

_ASK = "Ask for the password. Default in production; otherwise, one is generated and printed."


@click.group()
def admins() -> None:
    """Manage the administrators of Piccolo Admin."""


@admins.command("create")
@click.argument("name")
@click.option("--ask", is_flag=True, help=_ASK)
@click.option("--stdin", "reads", is_flag=True, help="Read the password from the first line of standard input.")
def admins_create(name: str, ask: bool, reads: bool) -> None:
    """Create an administrator."""
    from api.cli.setup import create_admin

    password = _password(ask=ask, reads=reads)
    made = _do(lambda: create_admin(name, password))
    click.echo(f"{name} can log in at /admin/" + ("." if password else f" with the password {made}"))


@admins.command("list")
def admins_list() -> None:
    """List the administrators."""
    from tables.admin import AdminUser

    for row in _do(AdminUser.list_all):
        rights = "superuser" if row["superuser"] else "admin" if row["admin"] else "cannot open the admin"
        active = "" if row["active"] else ", not active"
        last = row["last_login"]
        seen = "never logged in" if last is None else f"last log-in {last:%Y-%m-%d %H:%M}"
        click.echo(f"{row['id']:>6}  {row['username']}: {rights}{active}; {seen}")


@admins.command("reset")
@click.argument("name")
@click.option("--ask", is_flag=True, help=_ASK)
@click.option("--stdin", "reads", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--second-factor", is_flag=True, help="Also turn off the second factor.")
def admins_reset(name: str, ask: bool, reads: bool, second_factor: bool) -> None:
    """Set a new password for an administrator, and end their sessions."""
    from api.cli.setup import reset_admin

    password = _password(ask=ask, reads=reads)
    made = _do(lambda: reset_admin(name, password, second_factor=second_factor))
    click.echo(f"{name} has a new password" + ("." if password else f": {made}"))
    click.echo("Their sessions have ended." + (" The second factor is off." if second_factor else ""))


@admins.command("delete")
@click.argument("name")
@click.confirmation_option(prompt="This administrator will not be able to log in any more. Continue?")
def admins_delete(name: str) -> None:
    """Delete an administrator, and end their sessions."""
    from api.cli.setup import delete_admin

    _do(lambda: delete_admin(name))
    click.echo(f"{name} is no longer an administrator.")


def _password(*, ask: bool, reads: bool) -> str | None:
    """The password; None if one is to be generated. It is never an argument, since every user of the machine sees
    those. A generated password would stay in use, so production generates none."""
    if ask and reads:
        raise Refused("Use either --ask or --stdin.")
    if ask or (not reads and located()[0].production):
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    if reads:
        if line := sys.stdin.readline().rstrip("\r\n"):
            return line
        raise Refused("Standard input is empty: the password is its first line.")
    return None


def _do(work: Callable[[], Coroutine[object, object, T]]) -> T:
    from api.cli.setup import opened

    async def do(settings: Settings) -> T:
        async with opened(settings):
            return await work()

    settings, _ = located()
    return run(do(settings))
