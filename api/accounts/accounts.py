"""The services of log-ins in one process, and how they are built."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import httpx2


class Client(msgspec.Struct, frozen=True):
    """Guildhall's application at Discord, and Discord's address."""

    id: str
    secret: str
    api_url: str
    authorize_url: str


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
    *,
    secrets: Sequence[str],
    client: Client | None,
    public_url: str | None,
    own_url: str,
    transport: "httpx2.AsyncBaseTransport | None",
) -> Accounts:
    """`own_url`: the address on which this server listens. `transport`: instead of real connections to Discord."""
    cookies = Cookies(https=public_url is not None and public_url.startswith("https://"))
    sessions = Sessions(watcher, clock, cookies)
    public_url = None if public_url is None else public_url.rstrip("/")
    if client is None:
        return Accounts(sessions, cookies, public_url, own_url)
    discord = Discord(
        api_url=client.api_url,
        authorize_url=client.authorize_url,
        client_id=client.id,
        client_secret=client.secret,
        transport=transport,
    )
    secret_box = SecretBox(secrets)
    grants = Grants(database, clock, discord, secret_box, sessions)
    access = Access(clock, discord, grants, GuildRoles(watcher))
    login = LoginService(database, watcher, clock, cursors, discord, secret_box, sessions, grants, access)
    own = OwnSessions(watcher, clock, cursors)
    return Accounts(sessions, cookies, public_url, own_url, login, access, grants, discord, own)
