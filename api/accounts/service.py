"""Log-in, log-out, and who is logged in."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

import msgspec
import structlog

from api.accounts import queries, rules
from api.accounts.access import Access, ManagedGuild
from api.accounts.discord import Discord, GrantRefused, Person, Token
from api.accounts.dtos import CallbackQuery, MeView, MyGuildView
from api.accounts.exchanges import Exchanges
from api.accounts.grants import Grants
from api.accounts.login_states import LOGIN, LoginStates
from api.auth.sessions import ABSOLUTE, Session, Sessions, digest, make
from api.errors import DiscordAway, Invalid, LoginFailed, Overloaded
from api.lib.clock import Clock
from api.lib.faults import ParameterFault
from api.lib.pagination import Cursors, Page, paginate
from api.lib.secret_box import SecretBox
from api.lib.text import cleaned_name
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from tables.guilds import Guild
from tables.sql import one_of

log = structlog.get_logger("guildhall.logins")

MOST_SESSIONS = 20  # of a person; the oldest go
MOST_LOGINS = 200  # of a person in a day: for so long the rows of ended sessions stay

LONGEST_NAME = 100  # the columns hold no more


class Browser(msgspec.Struct, frozen=True):
    """A browser: its `User-Agent` and its address."""

    user_agent: str | None
    ip: str | None


class Begun(msgspec.Struct, frozen=True):
    """The address to redirect to, and the value of the log-in cookie."""

    location: str
    browser: str


class Finished(msgspec.Struct, frozen=True):
    """The value of the session's cookie, None if the person declined; the path to redirect to."""

    token: str | None
    return_to: str


class LoginService:
    def __init__(
        self,
        database: Database,
        watcher: ChangeWatcher,
        clock: Clock,
        cursors: Cursors,
        discord: Discord,
        secret_box: SecretBox,
        sessions: Sessions,
        grants: Grants,
        access: Access,
    ) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock
        self._cursors = cursors
        self._discord = discord
        self._secret_box = secret_box
        self._sessions = sessions
        self._grants = grants
        self._access = access
        self._exchanges = Exchanges(clock)
        self._states = LoginStates(secret_box, clock)

    def begin(self, *, return_to: str, browser: str | None, redirect_uri: str) -> Begun:
        """Begins a log-in. `browser`: the present value of its log-in cookie, from another one under way. Raises
        `Invalid`."""
        if not rules.is_own_page(return_to):
            raise Invalid(errors=[ParameterFault("return_to", "is not a page of this server: `/…`")])
        verifier, browser = token_urlsafe(32), browser or make()
        state = self._states.write(browser, verifier, return_to)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        location = self._discord.authorize_url(state=state, challenge=challenge, redirect_uri=redirect_uri)
        return Begun(location, browser)

    async def finish(
        self,
        query: CallbackQuery,
        *,
        browser: str | None,
        redirect_uri: str,
        replaces: str | None,
        seen: Browser,
        asker: str,
    ) -> Finished:
        """Finishes a log-in; the second time it fails. `replaces`: the browser's former session cookie, whose session
        ends. `asker`: the name that the address is counted under. Raises `LoginFailed`, `DiscordAway`, `Overloaded`.
        The log always says how it ended, and the address."""
        try:
            begun = self._states.read(query.state, browser)
            if query.error is not None or query.code is None:
                log.info(
                    "log-in refused",
                    reason="the person refused at Discord",
                    error=(query.error or "")[:64],
                    ip=seen.ip,
                )
                return Finished(None, begun.return_to)
            state = digest(query.state or "")
            async with self._exchanges.one(state, ends=begun.expires_at, asker=asker):
                granted = await self._granted(query.code, begun.verifier, redirect_uri)
                try:
                    token = await self._let_in(granted, state, replaces, seen)
                except BaseException:
                    await self._give_back(granted)
                    raise
        except (LoginFailed, DiscordAway, Overloaded) as error:
            log.info("log-in refused", reason=error.detail, ip=seen.ip)
            raise
        return Finished(token, begun.return_to)

    async def _granted(self, code: str, verifier: str, redirect_uri: str) -> Token:
        try:
            return await self._discord.exchange(code=code, verifier=verifier, redirect_uri=redirect_uri)
        except GrantRefused:
            raise LoginFailed("Discord rejects this code. Start again.") from None

    async def log_out(self, session: Session) -> None:
        """Ends the session, and revokes its grant at Discord; where that fails, later. Sent twice, the second
        time there is no session."""
        await self._sessions.end(session.id)
        log.info("logged out", user=session.user_id, session=session.id)
        try:
            await self._grants.revoke(session.id)
        except DiscordAway:
            log.warning("a grant will be revoked later: Discord is away", session=session.id)

    @staticmethod
    def me(session: Session) -> MeView:
        """Who it is, as Discord said at log-in."""
        return MeView(
            id=str(session.user_id),
            username=session.username,
            display_name=session.display_name,
            avatar=session.avatar,
            csrf_token=session.csrf_token.decode(),
            logged_in_at=datetime.fromtimestamp(session.created_at, UTC),
            expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        )

    async def my_guilds(self, session: Session, *, limit: int, cursor: str | None) -> Page[MyGuildView]:
        """The guilds that the person manages at Discord, by id. Raises `DiscordAway`."""
        limit = min(limit, 100)
        scope = f"my-guilds:{session.user_id}"
        after = self._cursors.read(scope, cursor)[0] if cursor is not None else 0
        managed = (await self._access.guilds(session, write=False)).managed
        shown = [managed[id_] for id_ in sorted(managed) if id_ > after][: limit + 1]
        there = one_of(Guild.id, [guild.id for guild in shown])
        rows = await Guild.select(Guild.id).where(there, Guild.deleted_at.is_null())
        here = {row["id"] for row in rows}
        return paginate(
            shown, limit, lambda guild: _to_view(guild, here), lambda guild: self._cursors.write(scope, [guild.id])
        )

    async def _let_in(self, granted: Token, state_hash: bytes, replaces: str | None, seen: Browser) -> str:
        if not {"identify", "guilds"} <= set(granted.scope.split()):
            raise LoginFailed(
                "You did not allow Discord to share who you are and which guilds you are in. Start again."
            )
        try:
            person = await self._discord.person(granted.access_token)
        except GrantRefused:
            raise LoginFailed("Discord has already withdrawn its grant. Start again.") from None
        return await self._store(granted, person, state_hash, replaces, seen)

    async def _store(
        self, granted: Token, person: Person, state_hash: bytes, replaces: str | None, seen: Browser
    ) -> str:
        token, now = make(), self._clock.now()
        log_in = queries.log_in(
            now=now,
            state_hash=state_hash,
            state_ends_at=now + LOGIN,
            user_id=int(person.id),
            most_logins=MOST_LOGINS,
            replaces=None if replaces is None else digest(replaces),
            others=MOST_SESSIONS - 1,
            hash_=digest(token),
            username=cleaned_name(person.username, person.id)[:LONGEST_NAME],
            display_name=cleaned_name(person.global_name or "", "")[:LONGEST_NAME] or None,
            avatar=None if person.avatar is None else _text(person.avatar),
            access_token=self._secret_box.encrypt(granted.access_token),
            refresh_token=self._secret_box.encrypt(granted.refresh_token),
            token_expires_at=now + timedelta(seconds=granted.expires_in),
            expires_at=now + ABSOLUTE,
            user_agent=seen.user_agent,
            ip=seen.ip,
        )
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.LOG_IN, *log_in)
        assert row is not None  # it gives its row
        if row["made"] is None:
            raise LoginFailed(
                "This log-in has already been used, or you logged in too often today. Start again, now or tomorrow."
            )
        self._watcher.invalidate("session", set(row["replaced"]))
        log.info("logged in", user=int(person.id), session=row["made"], ip=seen.ip)
        self._access.invalidate(int(person.id))
        return token

    async def _give_back(self, granted: Token) -> None:
        try:
            await self._discord.revoke(granted.refresh_token)
        except DiscordAway:
            log.warning("the grant of a failed log-in was not revoked")


def _text(text: str) -> str:
    """As PostgreSQL can store it."""
    return text.replace("\x00", "")[:LONGEST_NAME]


def _to_view(guild: ManagedGuild, here: set[int]) -> MyGuildView:
    return MyGuildView(
        id=str(guild.id),
        name=cleaned_name(guild.name, str(guild.id)),
        icon=guild.icon,
        is_owner=guild.is_owner,
        permissions=str(guild.permissions),
        is_here=guild.id in here,
    )
