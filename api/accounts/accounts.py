"""The services of log-ins in one process, and how they are built."""

from collections.abc import Sequence

import msgspec

from api.accounts.access import Access
from api.accounts.discord import Discord
from api.accounts.grants import Grants
from api.accounts.guild_roles import GuildRoles
from api.accounts.own_sessions import OwnSessions
from api.accounts.service import LoginService
from api.auth.cookies import Cookies
from api.auth.sessions import Sessions
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.lib.secret_box import SecretBox
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database


class Accounts(msgspec.Struct, frozen=True):
    """The services of log-ins. Without a client at Discord there are no `login`, `access` and `grants`, and nobody can
    log in."""

    sessions: Sessions
    cookies: Cookies
    public_url: str | None
    own_url: str
    login: LoginService | None = None
    access: Access | None = None
    grants: Grants | None = None
    discord: Discord | None = None
    own_sessions: OwnSessions | None = None


def build_accounts(
    database: Database,
    watcher: ChangeWatcher,
    clock: Clock,
    cursors: Cursors,
    secrets: Sequence[str],
    discord: Discord | None,
    *,
    public_url: str | None,
    own_url: str,
) -> Accounts:
    """`discord`: None where nobody can log in. `own_url`: the address on which this server listens."""
    cookies = Cookies(https=public_url is not None and public_url.startswith("https://"))
    sessions = Sessions(watcher, clock, cookies)
    public_url = None if public_url is None else public_url.rstrip("/")
    if discord is None:
        return Accounts(sessions, cookies, public_url, own_url)
    secret_box = SecretBox(secrets)
    grants = Grants(database, clock, discord, secret_box, sessions)
    access = Access(clock, discord, grants, GuildRoles(watcher))
    login = LoginService(database, watcher, clock, cursors, discord, secret_box, sessions, grants, access)
    own = OwnSessions(watcher, clock, cursors)
    return Accounts(sessions, cookies, public_url, own_url, login, access, grants, discord, own)
