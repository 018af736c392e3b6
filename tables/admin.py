"""The people who may open Piccolo Admin: their accounts, sessions and second factors."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import Any, cast

import asyncpg
from piccolo.apps.user.tables import BaseUser
from piccolo.columns import Array, BigInt, Bytea, Integer, Timestamp, Timestamptz, Varchar
from piccolo.columns.defaults.timestamp import TimestampOffset
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from tables import passwords
from tables.hashing import INSIDERS, Lane

IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)
PROLONGED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 100


def _now() -> datetime:
    """UTC without an offset: what the columns of Piccolo's own tables hold."""
    return datetime.now(UTC).replace(tzinfo=None)


class AdminUser(BaseUser, tablename="admin_users", help_text="Someone who may open Piccolo Admin."):
    """Piccolo's own user, whose passwords are hashed in a thread: one takes a quarter of a second."""

    _min_password_length = passwords.SHORTEST
    _max_password_length = passwords.LONGEST

    @classmethod
    async def _hashed(cls, lane: Lane, password: str, salt: str = "", iterations: int | None = None) -> str:
        return await lane.run(partial(cls.hash_password, password, salt, iterations))

    @classmethod
    async def login(cls, username: str, password: str) -> int | None:
        """The id of the user with this password, or None: Piccolo's own question of who is in already. Raises
        `TooBusy`."""
        with INSIDERS.place():
            return await cls.check(username, password, INSIDERS)

    @classmethod
    async def check(cls, username: str, password: str, lane: Lane) -> int | None:
        """The id of the user with this password, or None. Takes the same time whether or not there is one.
        `lane`: in which the caller has a place."""
        if len(password) > cls._max_password_length:
            return None
        row = None
        if "\x00" not in username:
            row = await cls.select(cls.id, cls.password).where(cls.username == username).first()
        if row is None:
            await cls._hashed(lane, password)
            return None
        _, iterations, salt, _ = cls.split_stored_password(row["password"])
        hashed = await cls._hashed(lane, password, salt, int(iterations))
        return cast("int", row["id"]) if compare_digest(hashed, row["password"]) else None

    @classmethod
    async def may_enter(cls, user_id: int) -> bool:
        """Whether this user is active, and an admin."""
        row = await cls.select(cls.active, cls.admin).where(cls.id == user_id).first()
        return row is not None and row["active"] and row["admin"]

    @classmethod
    async def note_log_in(cls, user_id: int) -> None:
        """Keeps when somebody came in."""
        await cls.update({cls.last_login: _now()}).where(cls.id == user_id)

    @classmethod
    async def update_password(cls, user: str | int, password: str) -> None:
        """Gives a user, by name or id, a new password, and ends their sessions. Raises `WeakPassword`."""
        clause = cls.username == user if isinstance(user, str) else cls.id == user
        row = await cls.select(cls.username).where(clause).first()
        if row is None:
            return
        passwords.refuse_weak(password, row["username"])
        with INSIDERS.place():
            hashed = await cls._hashed(INSIDERS, password)
        found = await cls.update({cls.password: hashed}).where(clause).returning(cls.id)
        await AdminSession.delete().where(AdminSession.user_id.is_in([row["id"] for row in found] or [0]))

    @classmethod
    def refuse_name(cls, username: str) -> None:
        """Raises `ValueError` for what cannot be read, or not be typed at the log-in."""
        if not username.isprintable() or not username.strip() or len(username) > LONGEST_NAME:
            raise ValueError(f"A name has 1 to {LONGEST_NAME} characters, all of them printable, and not only blanks.")

    @classmethod
    async def create_user(cls, username: str, password: str, **extra_params: object) -> "AdminUser":
        """Makes a user. Raises `ValueError`, of it `WeakPassword`, and asyncpg's `UniqueViolationError`."""
        cls.refuse_name(username)
        passwords.refuse_weak(password, username)
        with INSIDERS.place():
            hashed = await cls._hashed(INSIDERS, password)
        user = cls(username=username, password=hashed, **extra_params)
        try:
            await cls.insert(user)
        except asyncpg.PostgresError as error:
            error.detail = None  # it holds the row, the hash too, and Piccolo Admin shows it
            raise
        return user

    @classmethod
    async def list_all(cls) -> list[dict[str, Any]]:  # Any: a column's value
        """Every user, by name, without what is secret."""
        columns = (cls.id, cls.username, cls.active, cls.admin, cls.superuser, cls.last_login)
        return await cls.select(*columns).order_by(cls.username)

    @classmethod
    async def delete_user(cls, username: str) -> None:
        """Deletes a user, and with them their sessions."""
        removed = await cls.delete().where(cls.username == username).returning(cls.id)
        await AdminSession.delete().where(AdminSession.user_id.is_in([row["id"] for row in removed] or [0]))


class AdminSession(Table, tablename="admin_sessions", help_text="A browser logged in to the admin."):
    """A session as Piccolo Admin knows it (`piccolo_api.session_auth.tables.SessionsBase`, of an extra that need not be
    installed). `token` holds the SHA-256 of what the browser has, and times are UTC."""

    token = Varchar(length=100, null=False, secret=True)
    user_id = Integer(null=False)
    expiry_date = Timestamp(default=TimestampOffset(hours=1), null=False)
    max_expiry_date = Timestamp(default=TimestampOffset(days=7), null=False)

    @classmethod
    async def create_session(
        cls, user_id: int, expiry_date: datetime | None = None, max_expiry_date: datetime | None = None
    ) -> "AdminSession":
        """A new session, whose `token` is for the cookie and stored nowhere. It ends after an hour without
        a request and twelve in all; Piccolo's own dates are in local time, and not used."""
        now = _now()
        await cls.delete().where((cls.expiry_date < now) | (cls.max_expiry_date < now))
        token = secrets.token_urlsafe(32)
        session = cls(token=digest(token), user_id=user_id, expiry_date=now + IDLE, max_expiry_date=now + ABSOLUTE)
        await cls.insert(session)
        session.token = token
        return session

    @classmethod
    async def get_user_id(cls, token: str, increase_expiry: timedelta | None = None) -> int | None:
        """Whose session this is, or None; every use puts its end off, written at most once a minute."""
        now = _now()
        live = (cls.token == digest(token)) & (cls.expiry_date > now) & (cls.max_expiry_date > now)
        row = await cls.select(cls.user_id, cls.expiry_date).where(live).first()
        if row is None:
            return None
        if row["expiry_date"] - now < IDLE - PROLONGED_EVERY:
            await cls.update({cls.expiry_date: now + IDLE}).where(live)
        return cast("int", row["user_id"])

    @classmethod
    async def remove_session(cls, token: str) -> None:
        """Ends a session."""
        await cls.delete().where(cls.token == digest(token))


def digest(token: str) -> str:
    """A session's token as it is kept."""
    return sha256(token.encode()).hexdigest()


class AdminSecondFactor(
    Table, tablename="admin_second_factors", help_text="An admin's authenticator app: it shows codes that change."
):
    user_id = Integer(primary_key=True, default=None, null=False, help_text="Whose it is.")
    secret = Bytea(default=None, null=False, help_text="What app and server share, encrypted.")
    recovery_codes = Array(
        Bytea(),
        default=None,
        null=False,
        help_text="SHA-256 of each code that is not used yet, for when the app is lost.",
    )
    confirmed_at = Timestamptz(
        default=None, null=True, help_text="When a first code proved that the app has it; empty: it does not count yet."
    )
    last_step = BigInt(default=0, null=False, help_text="The half minute of the last code: none counts twice.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
