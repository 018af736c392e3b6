"""A person's own sessions: where else they are logged in."""

import structlog
from piccolo.columns import And, Where

from api.accounts.dtos import MySessionsQuery, SessionView
from api.auth.sessions import IDLE, Session
from api.errors import NotFound
from api.lib.clock import Clock
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.change_watcher import ChangeWatcher
from tables.accounts import Session as Stored
from tables.sql import Row

log = structlog.get_logger("guildhall.logins")

LONGEST_AGENT = 256

_SHOWN = (Stored.id, Stored.created_at, Stored.last_used_at, Stored.expires_at, Stored.user_agent, Stored.ip)


def shown_agent(header: str | None) -> str | None:
    """A browser's `User-Agent`, as it can be stored and shown."""
    if header is None:
        return None
    return "".join(letter for letter in header[:LONGEST_AGENT] if letter.isprintable()).strip() or None


class OwnSessions:
    def __init__(self, watcher: ChangeWatcher, clock: Clock, cursors: Cursors) -> None:
        self._watcher = watcher
        self._clock = clock
        self._cursors = cursors

    async def list_sessions(self, session: Session, query: MySessionsQuery) -> Page[SessionView]:
        """The person's valid sessions, newest first."""
        limit = min(query.limit, 100)
        scope = f"my-sessions:{session.user_id}"
        before = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else None
        rows = Stored.select(*_SHOWN).where(self._own(session)).order_by(Stored.id, ascending=False).limit(limit + 1)
        if before is not None:
            rows = rows.where(Stored.id < before)
        return paginate(
            await rows, limit, lambda row: _to_view(row, session), lambda row: self._cursors.write(scope, [row["id"]])
        )

    async def end(self, session: Session, session_id: int) -> None:
        """Ends one session, everywhere within five seconds. Raises `NotFound` for another person's, and the second
        time."""
        if not await self._ended(session, Stored.id == session_id):
            raise NotFound

    async def end_others(self, session: Session) -> None:
        """Ends all sessions but this one, everywhere within five seconds. Sent twice, the second time ends none."""
        await self._ended(session, Stored.id != session.id)

    async def _ended(self, session: Session, which: Where) -> bool:
        # Their grants are revoked later: with one grant, Discord may revoke all of the person, this session's too.
        end = Stored.update({Stored.ended_at: self._clock.now()}).where(self._own(session), which)
        ended = {row["id"] for row in await end.returning(Stored.id)}
        if ended:
            self._watcher.invalidate("session", ended)
            log.info("sessions ended", user=session.user_id, by=session.id, sessions=sorted(ended))
        return bool(ended)

    def _own(self, session: Session) -> And:
        return (Stored.user_id == session.user_id) & Stored.are_good(self._clock.now(), IDLE)


def _to_view(row: Row, session: Session) -> SessionView:
    return SessionView(
        id=str(row["id"]),
        current=row["id"] == session.id,
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        user_agent=row["user_agent"],
        ip=row["ip"],
    )
