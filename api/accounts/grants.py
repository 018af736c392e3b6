"""Grants: Discord's tokens of sessions, stored encrypted, renewed by one process at a time, and revoked when a session
ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, cast

import structlog
from piccolo.columns import Column

from api.accounts import queries
from api.accounts.discord import Discord, GrantRefused
from api.auth.sessions import IDLE, Sessions
from api.errors import DiscordAway, Unauthorized
from api.lib.clock import Clock
from api.lib.keyed_locks import KeyedLocks
from api.lib.secret_box import SecretBox, Undecryptable
from api.postgres.batches import delete_in_batches
from api.postgres.database import Database
from tables.accounts import Session
from tables.sql import Row

log = structlog.get_logger("guildhall.grants")

AHEAD = timedelta(minutes=1)  # how long before its end a token is renewed
CLAIM = timedelta(seconds=10)  # longer than a call may take
POLLS = 40
POLL_SECONDS = 0.15
KEPT = timedelta(days=1)
REVOKE_BATCH_SIZE = 10

T = TypeVar("T")


class Grants:
    def __init__(
        self, database: Database, clock: Clock, discord: Discord, secret_box: SecretBox, sessions: Sessions
    ) -> None:
        self._database = database
        self._clock = clock
        self._discord = discord
        self._secret_box = secret_box
        self._sessions = sessions
        self._locks = KeyedLocks()

    async def using(self, session_id: int, ask: Callable[[str], Awaitable[T]]) -> T:
        """Asks Discord with the session's token; renews it if need be. Raises `DiscordAway`; `Unauthorized`, and ends
        the session, if the person has revoked the grant."""
        try:
            row, token = await self._token(session_id)
            try:
                return await ask(token)
            except GrantRefused:
                # It may have ended early: one renewal.
                _, token = await self._renewed(session_id, row["access_token"])
                return await ask(token)
        except (GrantRefused, Undecryptable) as error:
            log.info("session ended: Discord's grant is gone", session=session_id, error=type(error).__name__)
            await self._sessions.end(session_id)
            raise Unauthorized("Discord has withdrawn its grant for this session. Log in again.") from None

    async def _token(self, session_id: int) -> tuple[Row, str]:
        row = await self._row(session_id)
        if row["token_expires_at"] - AHEAD > self._clock.now():
            return row, self._secret_box.decrypt(row["access_token"])
        return await self._renewed(session_id, row["access_token"])

    async def _row(self, session_id: int) -> Row:
        live = (Session.id == session_id) & Session.ended_at.is_null()
        row = await Session.select(Session.access_token, Session.token_expires_at).where(live).first()
        if row is None or row["access_token"] is None:
            raise GrantRefused
        return row

    async def _renewed(self, session_id: int, old: bytes) -> tuple[Row, str]:
        """The token after `old`, renewed by this process or by a faster one. A refresh token can be used once."""
        async with self._locks.hold(session_id):
            for _ in range(POLLS):
                row = await self._row(session_id)
                if row["access_token"] != old:
                    return row, self._secret_box.decrypt(row["access_token"])
                refresh_token = await self._claim(session_id, old)
                if refresh_token is not None:
                    # Not cancelled with the request: Discord has used up the old token as soon as it has it.
                    await asyncio.shield(asyncio.ensure_future(self._renew(session_id, refresh_token)))
                else:
                    await asyncio.sleep(POLL_SECONDS)
        raise DiscordAway

    async def _claim(self, session_id: int, old: bytes) -> bytes | None:
        """Claims the refresh token for this process, if the access token is still the one that it saw."""
        now = self._clock.now()
        free = Session.refreshing_until.is_null() | (Session.refreshing_until < now)
        live = (Session.id == session_id) & (Session.access_token == old) & Session.ended_at.is_null()
        claim = Session.update({Session.refreshing_until: now + CLAIM}).where(live, free)
        rows = await claim.returning(Session.refresh_token)
        return cast("bytes | None", rows[0]["refresh_token"]) if rows else None

    async def _renew(self, session_id: int, refresh_token: bytes) -> None:
        try:
            token = await self._discord.refresh(self._secret_box.decrypt(refresh_token))
        except DiscordAway:
            await Session.update({Session.refreshing_until: None}).where(Session.id == session_id)
            raise
        renewed: dict[Column | str, object] = {
            Session.access_token: self._secret_box.encrypt(token.access_token),
            Session.refresh_token: self._secret_box.encrypt(token.refresh_token),
            Session.token_expires_at: self._clock.now() + timedelta(seconds=token.expires_in),
            Session.refreshing_until: None,
        }
        await Session.update(renewed).where(Session.id == session_id, Session.ended_at.is_null())

    async def revoke(self, session_id: int) -> None:
        """Revokes an ended session's tokens at Discord. Raises `DiscordAway`: `upkeep` tries again later."""
        ended = (Session.id == session_id) & Session.ended_at.is_not_null()
        row = await Session.select(Session.id, Session.refresh_token).where(ended).first()
        if row is not None and row["refresh_token"] is not None:
            await self._revoke(row)

    async def _revoke(self, row: Row) -> None:
        try:
            await self._discord.revoke(self._secret_box.decrypt(row["refresh_token"]))
        except Undecryptable:
            log.warning("a token cannot be revoked: its encryption key is unknown", session=row["id"])
        gone: dict[Column | str, object] = {Session.access_token: None, Session.refresh_token: None}
        await Session.update(gone).where(Session.id == row["id"])

    async def upkeep(self) -> None:
        """Ends expired sessions, revokes tokens that log-outs could not, and deletes sessions that ended a day ago."""
        now = self._clock.now()
        over = (Session.expires_at <= now) | (Session.last_used_at <= now - IDLE)
        await Session.update({Session.ended_at: now}).where(Session.ended_at.is_null(), over)
        async with self._database.connection() as connection:
            await delete_in_batches(connection, "sessions", "ended_at < $1", now - KEPT)
            rows = await connection.fetch(queries.TO_REVOKE, REVOKE_BATCH_SIZE)
        for row in rows:
            await self._revoke(row)
