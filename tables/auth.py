"""Credentials: keys of bots, and the people who may open the admin."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import Any, cast

import asyncpg
from piccolo.apps.user.tables import BaseUser
from piccolo.columns import Array, BigInt, BigSerial, Bytea, Integer, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table
from piccolo_api.session_auth.tables import SessionsBase

from tables import passwords
from tables.hashing import INSIDERS, Lane
from tables.sql import DEFAULT, whole


class ApiKey(Table, tablename="api_keys", help_text="A bot's key. Only its SHA-256 is kept."):
    id = BigSerial(primary_key=True)
    name = Varchar(length=100, default=None, null=False, help_text="What its maker calls it.")
    prefix = Varchar(length=16, default=None, null=False, help_text="Its first characters, to know it by.")
    hash = Bytea(default=None, null=False, help_text="SHA-256 of the whole key.")
    scopes = Array(Varchar(length=32), default=None, null=False, help_text="What it may do.")
    guild_ids = Array(BigInt(), default=None, null=True, help_text="The only guilds it sees; empty: all.")
    rate_limit = Integer(default=None, null=True, help_text="Requests a minute; empty: no limit.")
    # No foreign key: no key is ever deleted, and to add one would lock the table while every key is looked at.
    parent_id = BigInt(default=None, null=True, help_text="The key that made it, with which it ends; empty: none did.")
    origin_id = BigInt(
        default=None,
        null=True,
        help_text="The first of the keys that this one replaces, whose budget of requests it spends; empty: itself.",
    )
    expires_at = Timestamptz(default=None, null=True, help_text="When it ends by itself.")
    revoked_at = Timestamptz(default=None, null=True, help_text="When it was revoked.")
    last_used_at = Timestamptz(default=None, null=True, help_text="Its last use, to the minute.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    api_keys_hash_key = Unique([hash])  # noqa: A003 - the column, not the function
    api_keys_hash_check = Check("length(hash) = 32")
    api_keys_rate_limit_check = Check("rate_limit > 0")
    api_keys_parent_check = Check("parent_id <> id")

    @classmethod
    async def made(cls, *, guild_ids: list[int] | None, **columns: Any) -> dict[str, Any]:  # Any: a column's value
        """Stores a new key; gives the row."""
        key = cls(guild_ids=whole(guild_ids), created_at=DEFAULT, **columns)
        [row] = await cls.insert(key).returning(*cls.all_columns())
        return row

    @classmethod
    async def first_of(cls, key_id: int) -> int | None:
        """The number that a key and all that replace it have in common: of the first of them."""
        row = await cls.select((cls.origin_id | cls.id).as_alias("first")).where(cls.id == key_id).first()
        return None if row is None else cast("int", row["first"])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


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


class AdminSession(SessionsBase, tablename="admin_sessions", help_text="A browser logged in to the admin."):
    """Piccolo's own session; `token` holds the SHA-256 of what the browser has, and times are UTC."""

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
