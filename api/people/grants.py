"""Discord's tokens of sessions: kept encrypted, renewed by one process at a time, revoked when a session ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import asyncpg
import structlog

from api.auth.sessions import IDLE, Sessions
from api.errors import DiscordAway, Unauthorized
from api.lib.clock import Clock
from api.lib.keyed_locks import KeyedLocks
from api.people.discord import Discord, GrantRefused
from api.people.sealing import Sealer, Unreadable
from api.postgres.database import Database

log = structlog.get_logger("guildhall.grants")

AHEAD = timedelta(minutes=1)  # renewed so long before it ends
CLAIM = timedelta(seconds=10)  # longer than a call may take
LOOKS = 40
LOOK_SECONDS = 0.15
KEPT = timedelta(days=1)
REVOKED_AT_ONCE = 10

_READ = "SELECT access_token, token_expires_at FROM sessions WHERE id = $1 AND ended_at IS NULL"

# Only one process gets the row, and only while the token is still the one that it saw.
_CLAIM = """
    UPDATE sessions SET refreshing_until = $3 WHERE id = $1 AND access_token = $2 AND ended_at IS NULL
    AND (refreshing_until IS NULL OR refreshing_until < $4) RETURNING refresh_token
"""
_RENEW = """
    UPDATE sessions SET access_token = $2, refresh_token = $3, token_expires_at = $4, refreshing_until = NULL
    WHERE id = $1 AND ended_at IS NULL
"""

_EXPIRE = """
    UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL AND (expires_at <= $1 OR last_used_at <= $2)
"""
# With one grant Discord may take back all that the person gave: not while another browser of theirs lives on it.
_TO_REVOKE = """
    SELECT id, refresh_token FROM sessions s
    WHERE ended_at IS NOT NULL AND refresh_token IS NOT NULL
    AND NOT EXISTS (SELECT FROM sessions o WHERE o.user_id = s.user_id AND o.ended_at IS NULL)
    ORDER BY ended_at LIMIT $1
"""
_REVOKED = "UPDATE sessions SET access_token = NULL, refresh_token = NULL WHERE id = $1"

T = TypeVar("T")


class Grants:
    def __init__(self, database: Database, clock: Clock, discord: Discord, sealer: Sealer, sessions: Sessions) -> None:
        self._database = database
        self._clock = clock
        self._discord = discord
        self._sealer = sealer
        self._sessions = sessions
        self._locks = KeyedLocks()

    async def using(self, session_id: int, ask: Callable[[str], Awaitable[T]]) -> T:
        """Asks Discord with the session's token, renewed if need be. Raises `DiscordAway`; `Unauthorized`, and ends
        the session, when the person has taken the grant back."""
        try:
            row, token = await self._token(session_id)
            try:
                return await ask(token)
            except GrantRefused:
                # It may have ended early: the next one is asked for once.
                _, token = await self._renewed(session_id, row["access_token"])
                return await ask(token)
        except (GrantRefused, Unreadable) as error:
            log.info("session ended: its grant is gone", session=session_id, error=type(error).__name__)
            await self._sessions.end(session_id)
            raise Unauthorized("Discord no longer answers for this session: log in again.") from None

    async def _token(self, session_id: int) -> tuple[asyncpg.Record, str]:
        row = await self._row(session_id)
        if row["token_expires_at"] - AHEAD > self._clock.now():
            return row, self._sealer.open(row["access_token"])
        return await self._renewed(session_id, row["access_token"])

    async def _row(self, session_id: int) -> asyncpg.Record:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_READ, session_id)
        if row is None or row["access_token"] is None:
            raise GrantRefused
        return row

    async def _renewed(self, session_id: int, old: bytes) -> tuple[asyncpg.Record, str]:
        """The token after `old`: renewed by us, or by whoever was quicker. A refresh token is good once."""
        async with self._locks.hold(session_id):
            for _ in range(LOOKS):
                row = await self._row(session_id)
                if row["access_token"] != old:
                    return row, self._sealer.open(row["access_token"])
                now = self._clock.now()
                async with self._database.connection() as connection:
                    refresh_token = await connection.fetchval(_CLAIM, session_id, old, now + CLAIM, now)
                if refresh_token is not None:
                    # To its end, though the request be cut: the old token is used up as soon as Discord has it.
                    await asyncio.shield(asyncio.ensure_future(self._renew(session_id, refresh_token)))
                else:
                    await asyncio.sleep(LOOK_SECONDS)
        raise DiscordAway

    async def _renew(self, session_id: int, refresh_token: bytes) -> None:
        try:
            token = await self._discord.refresh(self._sealer.open(refresh_token))
        except DiscordAway:
            async with self._database.connection() as connection:
                await connection.execute("UPDATE sessions SET refreshing_until = NULL WHERE id = $1", session_id)
            raise
        async with self._database.connection() as connection:
            await connection.execute(
                _RENEW,
                session_id,
                self._sealer.seal(token.access_token),
                self._sealer.seal(token.refresh_token),
                self._clock.now() + timedelta(seconds=token.expires_in),
            )

    async def revoke(self, session_id: int) -> None:
        """Revokes an ended session's tokens at Discord. Raises `DiscordAway`: then `upkeep` tries again."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT id, refresh_token FROM sessions WHERE id = $1 AND ended_at IS NOT NULL", session_id
            )
        if row is not None and row["refresh_token"] is not None:
            await self._revoke(row)

    async def _revoke(self, row: asyncpg.Record) -> None:
        try:
            await self._discord.revoke(self._sealer.open(row["refresh_token"]))
        except Unreadable:
            log.warning("a token cannot be revoked: its secret is gone", session=row["id"])
        async with self._database.connection() as connection:
            await connection.execute(_REVOKED, row["id"])

    async def upkeep(self) -> None:
        """Ends what has run out, revokes what log-outs could not, and removes what ended a day ago."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            await connection.execute(_EXPIRE, now, now - IDLE)
            await connection.execute("DELETE FROM sessions WHERE ended_at < $1", now - KEPT)
            rows = await connection.fetch(_TO_REVOKE, REVOKED_AT_ONCE)
        for row in rows:
            await self._revoke(row)
