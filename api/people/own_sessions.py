"""The sessions of a person, as they see and end them: where else they are logged in."""

from datetime import datetime

import asyncpg
import structlog

from api.auth.sessions import IDLE, Session
from api.errors import NotFound
from api.lib.clock import Clock
from api.lib.pagination import Cursors, Page, cut
from api.people.dtos import MySessionsQuery, SessionView
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database

log = structlog.get_logger("guildhall.logins")

LONGEST_AGENT = 256

_IS_OWN = "user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $3"
_LIST = f"""
    SELECT id, created_at, last_used_at, expires_at, user_agent, ip FROM sessions
    WHERE {_IS_OWN} AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $5
"""
# Their grants are given back later: with one Discord may take back all of a person's, that of this session too.
_END = f"UPDATE sessions SET ended_at = $2 WHERE {_IS_OWN} AND id = $4 RETURNING id"
_END_OTHERS = f"UPDATE sessions SET ended_at = $2 WHERE {_IS_OWN} AND id <> $4 RETURNING id"


def shown_agent(header: str | None) -> str | None:
    """What a browser calls itself, as it can be stored and shown."""
    if header is None:
        return None
    return "".join(letter for letter in header[:LONGEST_AGENT] if letter.isprintable()).strip() or None


class OwnSessions:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock, cursors: Cursors) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock
        self._cursors = cursors

    async def list_sessions(self, session: Session, query: MySessionsQuery) -> Page[SessionView]:
        """Those of this person that are good, newest first."""
        limit = min(query.limit, 100)
        scope = f"my-sessions:{session.user_id}"
        before = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else None
        async with self._database.connection() as connection:
            rows = await connection.fetch(_LIST, *self._live(session), before, limit + 1)
        return cut(rows, limit, lambda row: _view(row, session), lambda row: self._cursors.write(scope, [row["id"]]))

    async def end(self, session: Session, session_id: int) -> None:
        """Ends one, everywhere within five seconds. Raises `NotFound` for another's, also the second time."""
        if not await self._ended(_END, session, session_id):
            raise NotFound

    async def end_others(self, session: Session) -> None:
        """Ends all but this one, everywhere within five seconds. Sent twice, the second time there is none."""
        await self._ended(_END_OTHERS, session, session.id)

    async def _ended(self, statement: str, session: Session, session_id: int) -> bool:
        async with self._database.connection() as connection:
            rows = await connection.fetch(statement, *self._live(session), session_id)
        ended = {row["id"] for row in rows}
        if ended:
            self._watcher.invalidate("session", ended)
            log.info("sessions ended", user=session.user_id, by=session.id, sessions=sorted(ended))
        return bool(ended)

    def _live(self, session: Session) -> tuple[int, datetime, datetime]:
        now = self._clock.now()
        return session.user_id, now, now - IDLE


def _view(row: asyncpg.Record, session: Session) -> SessionView:
    return SessionView(
        id=str(row["id"]),
        current=row["id"] == session.id,
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        user_agent=row["user_agent"],
        ip=row["ip"],
    )
