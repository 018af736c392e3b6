"""Sessions: the credentials of browsers, looked up once and cached until the change watcher invalidates them."""

import hmac
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

import msgspec

from api.auth.cookies import Cookies
from api.errors import BadCsrfToken, Unauthorized
from api.lib.clock import Clock
from api.lib.fair_batches import FairBatches
from api.postgres.change_watcher import ChangeWatcher
from tables.accounts import Session as Stored
from tables.sql import Row, one_of

IDLE = timedelta(days=2)
ABSOLUTE = timedelta(days=14)

CACHED_SESSIONS = 10_000
FRESH_SECONDS = 4.0  # ending one must reach every worker within 5 s

_COLUMNS = (
    Stored.hash,
    Stored.id,
    Stored.user_id,
    Stored.username,
    Stored.display_name,
    Stored.avatar,
    Stored.created_at,
    Stored.expires_at,
    Stored.last_used_at,
)


class Session(msgspec.Struct, frozen=True):
    """A session, as last read. `idle_at`: when it ends if it is not used. Times are in seconds."""

    id: int
    user_id: int
    username: str
    display_name: str | None
    avatar: str | None
    csrf_token: bytes
    created_at: float
    expires_at: float
    idle_at: float


def make() -> str:
    """The value of a new session's cookie: 256 random bits."""
    return token_urlsafe(32)


def digest(token: str) -> bytes:
    """The stored hash of a cookie: SHA-256, which needs no salt for so many random bits."""
    return sha256(token.encode()).digest()


def csrf_token(token: str) -> bytes:
    """The session's CSRF token. It is derived from the cookie, which no other page can read, and does not reveal it."""
    return urlsafe_b64encode(sha256(b"csrf:" + token.encode()).digest()).rstrip(b"=")


class Sessions:
    def __init__(self, watcher: ChangeWatcher, clock: Clock, cookies: Cookies) -> None:
        self._watcher = watcher
        self._clock = clock
        self._cookies = cookies
        self._cache: OrderedDict[bytes, Session] = OrderedDict()
        self._digests: dict[int, bytes] = {}
        self._invalidations = 0
        self._look_ups = FairBatches(self._look_up)
        self.used: set[int] = set()
        watcher.subscribe(self._invalidate)

    def token_of(self, cookie: str | None) -> str | None:
        """The value of the session's cookie in a `Cookie` header; None without one."""
        return None if cookie is None else self._cookies.read(cookie, self._cookies.session)

    async def authenticate(self, token: str, address: str = "") -> Session:
        """The credential of the session with this cookie. `address`: the client's; requests of one address share
        look-ups. Raises `Unauthorized`."""
        hash_ = digest(token)
        now = self._clock.now().timestamp()
        session = self._cache.get(hash_)
        # A session that seems idle may have been used in another process.
        if session is None or session.idle_at <= now or not self._watcher.is_fresh(FRESH_SECONDS):
            session = await self._look_ups.get((hash_, token), address)
        if session is None or session.expires_at <= now:
            raise Unauthorized("This session has ended, or never existed. Log in again.")
        self.used.add(session.id)
        return session

    @staticmethod
    def check_csrf(session: Session, given: str | None) -> None:
        """Raises `BadCsrfToken`."""
        if given is None or not hmac.compare_digest(given.encode("latin-1", "replace"), session.csrf_token):
            raise BadCsrfToken

    async def _look_up(self, asked: Sequence[tuple[bytes, str]]) -> list[Session | None]:
        invalidations, now = self._invalidations, self._clock.now()
        wanted = one_of(Stored.hash, [hash_ for hash_, _ in asked])
        rows = await Stored.select(*_COLUMNS).where(wanted, Stored.are_good(now, IDLE))
        stored = {row["hash"]: row for row in rows}
        found = [
            _session(stored[hash_], csrf_token(token), max(stored[hash_]["last_used_at"], now))
            if hash_ in stored
            else None
            for hash_, token in asked
        ]
        # Not if a session changed during the read: the result may be older than the change.
        if invalidations == self._invalidations:
            for (hash_, _), session in zip(asked, found, strict=True):
                if session is not None:
                    self._remember(hash_, session)
        return found

    def _remember(self, hash_: bytes, session: Session) -> None:
        self._cache[hash_] = session
        self._digests[session.id] = hash_
        if len(self._cache) > CACHED_SESSIONS:
            _, oldest = self._cache.popitem(last=False)
            self._digests.pop(oldest.id, None)

    def _invalidate(self, kind: str, ids: set[int] | None) -> None:
        if kind == "session":
            self._invalidations += 1
            for id_ in list(self._digests) if ids is None else ids:
                if hash_ := self._digests.pop(id_, None):
                    self._cache.pop(hash_, None)

    async def current(self, session_id: int) -> Session | None:
        """The present credential of a session, without its CSRF token; None if it has ended."""
        now = self._clock.now()
        row = await Stored.select(*_COLUMNS).where(Stored.id == session_id, Stored.are_good(now, IDLE)).first()
        return None if row is None or row["user_id"] is None else _session(row, b"", row["last_used_at"])

    async def end(self, session_id: int) -> None:
        """Ends a session now, everywhere within five seconds. A second call does nothing."""
        there = (Stored.id == session_id) & Stored.ended_at.is_null()
        await Stored.update({Stored.ended_at: self._clock.now()}).where(there)
        self._watcher.invalidate("session", {session_id})

    async def note_uses(self) -> None:
        """Stores `last_used_at` of the sessions used since the last call, in one statement. Raises `Unavailable`: the
        next call stores them then."""
        used, self.used = self.used, set()
        if not used:
            return
        try:
            wanted = one_of(Stored.id, sorted(used))
            await Stored.update({Stored.last_used_at: self._clock.now()}).where(wanted)
        except BaseException:
            self.used |= used  # stored by the next call
            raise


def _session(row: Row, csrf: bytes, used_at: datetime) -> Session:
    return Session(
        id=row["id"],
        user_id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"],
        avatar=row["avatar"],
        csrf_token=csrf,
        created_at=row["created_at"].timestamp(),
        expires_at=row["expires_at"].timestamp(),
        idle_at=(used_at + IDLE).timestamp(),
    )
