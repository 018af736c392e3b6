"""The making, rotating and revoking of keys."""

from collections.abc import Sequence
from datetime import MAXYEAR, datetime, timedelta
from typing import Any

import asyncpg
from msgspec import UNSET

from api.audit.service import record
from api.auth import tokens
from api.auth.actors import Actor, Credential
from api.auth.dtos import NAME_CHARACTERS, CreateKey, KeyView, RotateKey
from api.auth.scopes import KNOWN
from api.changes import Changes
from api.database import Connection, Database
from api.errors import Forbidden, Invalid, KeyExpired, NotFound
from api.idempotency import keep
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.faults import Fault
from api.lib.pagination import Cursors, Page, cut
from api.lib.text import nfc, too_long

DEFAULT_RATE_LIMIT = 6000

# The keys that can do no more than the caller's: nobody sees others. Absent lists mean everything.
_WITHIN = "($1::text[] IS NULL OR scopes::text[] <@ $1) AND ($2::bigint[] IS NULL OR guild_ids <@ $2)"

_INSERT = """
    INSERT INTO api_keys (name, prefix, hash, scopes, guild_ids, rate_limit, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""


class KeyService:
    def __init__(self, database: Database, changes: Changes, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._changes = changes
        self._cursors = cursors
        self._clock = clock

    async def create(self, actor: Actor, wish: CreateKey) -> KeyView:
        """Makes a key that can do no more than its maker's. Sent twice, it makes two."""
        now = self._clock.now()
        if found := _faults(wish, now):
            raise Invalid(errors=found)
        maker = actor.credential
        rate_limit = _granted_rate_limit(wish, maker)
        guild_ids = None if wish.guild_ids is None else sorted({int(id_) for id_ in wish.guild_ids})
        _refuse_more_than_own(wish, guild_ids, maker)
        token = tokens.make()
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                _INSERT,
                nfc(wish.name),
                tokens.shown(token),
                tokens.digest(token),
                sorted(set(wish.scopes)),
                guild_ids,
                rate_limit,
                wish.expires_at,
            )
            assert row is not None  # an INSERT gives its row
            await _record(connection, actor, "key.created", None, row)
            answer = _view(row, token)
            await keep(connection, actor.claim, answer, status=201)
        return answer

    async def list_keys(self, actor: Actor, *, limit: int, cursor: str | None, deleted: bool) -> Page[KeyView]:
        """The keys that can do no more than the caller's, newest first; with `deleted` the revoked ones."""
        limit = min(limit, 100)
        scope = f"keys:{deleted}:{actor.id}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT * FROM api_keys WHERE {_WITHIN} AND (revoked_at IS NOT NULL) = $3"
                " AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $5",
                *_bounds(actor),
                deleted,
                before,
                limit + 1,
            )
        return cut(rows, limit, _view, lambda row: self._cursors.write(scope, [row["id"]]))

    async def get(self, actor: Actor, key_id: int) -> KeyView:
        """One key. Raises `NotFound`, also for one that can do more than the caller's."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT * FROM api_keys WHERE {_WITHIN} AND id = $3 AND revoked_at IS NULL",
                *_bounds(actor),
                key_id,
            )
        if row is None:
            raise NotFound
        return _view(row)

    async def require(self, credential: Credential, key_id: int) -> None:
        """Raises `NotFound` for a key that is not there, or can do more than this one."""
        await self.get(Actor(kind="key", id=str(credential.id), credential=credential), key_id)

    async def rotate(self, actor: Actor, key_id: int, wish: RotateKey) -> KeyView:
        """A new key with the same rights; the old one ends after the grace, or sooner if it was to
        end sooner. Sent twice, it makes two. Raises `NotFound`, `Forbidden`, `KeyExpired`."""
        now = self._clock.now()
        token = tokens.make()
        async with self._database.transaction() as connection:
            old = await self._locked(connection, actor, key_id)
            _refuse_faster(old["rate_limit"], actor.credential)
            if old["expires_at"] is not None and old["expires_at"] <= now:
                raise KeyExpired("This key has expired already: make a new one.")
            row = await connection.fetchrow(
                _INSERT,
                old["name"],
                tokens.shown(token),
                tokens.digest(token),
                old["scopes"],
                old["guild_ids"],
                old["rate_limit"],
                old["expires_at"],
            )
            ends = now + timedelta(seconds=wish.grace_seconds)
            ended = await connection.fetchrow(
                "UPDATE api_keys SET expires_at = least(expires_at, $2) WHERE id = $1 RETURNING *",
                key_id,
                ends,
            )
            assert row is not None  # an INSERT gives its row
            assert ended is not None  # it is locked
            await _record(connection, actor, "key.rotated", old, ended)
            await _record(connection, actor, "key.created", None, row)
            answer = _view(row, token)
            await keep(connection, actor.claim, answer, status=201)
        self._changes.tell("key", {key_id})
        return answer

    async def revoke(self, actor: Actor, key_id: int) -> None:
        """Ends a key now, everywhere within five seconds. Raises `NotFound`, also the second time."""
        async with self._database.transaction() as connection:
            old = await self._locked(connection, actor, key_id)
            row = await connection.fetchrow(
                "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 RETURNING *", key_id, self._clock.now()
            )
            assert row is not None  # it is locked
            await _record(connection, actor, "key.revoked", old, row)
        self._changes.tell("key", {key_id})

    async def _locked(self, connection: Connection, actor: Actor, key_id: int) -> asyncpg.Record:
        row = await connection.fetchrow(
            f"SELECT * FROM api_keys WHERE {_WITHIN} AND id = $3 AND revoked_at IS NULL FOR UPDATE",
            *_bounds(actor),
            key_id,
        )
        if row is None:
            raise NotFound
        return row


def _bounds(actor: Actor) -> tuple[list[str] | None, list[int] | None]:
    """The caller's scopes and guilds, None for no bound: Guildhall's own command line has none."""
    return None if actor.credential is None else sorted(actor.credential.scopes), actor.guild_list()


def _granted_rate_limit(wish: CreateKey, maker: Credential | None) -> int | None:
    if wish.rate_limit is not UNSET:
        _refuse_faster(wish.rate_limit, maker)
        return wish.rate_limit
    if maker is None or maker.rate_limit is None:
        return DEFAULT_RATE_LIMIT
    return min(DEFAULT_RATE_LIMIT, maker.rate_limit)


def _refuse_faster(rate_limit: int | None, maker: Credential | None) -> None:
    own = None if maker is None else maker.rate_limit
    if own is not None and (rate_limit is None or rate_limit > own):
        raise Forbidden(f"`rate_limit` is above this key's own, which is {own} a minute.")


def _faults(wish: CreateKey, now: datetime) -> list[Fault]:
    faults = too_long("/name", wish.name, NAME_CHARACTERS)
    if wish.expires_at is not None and wish.expires_at <= now:
        faults.append(Fault("/expires_at", "is not in the future"))
    elif wish.expires_at is not None and wish.expires_at.year >= MAXYEAR:
        faults.append(Fault("/expires_at", "is too far in the future; null is never"))
    return faults


def _refuse_more_than_own(wish: CreateKey, guild_ids: Sequence[int] | None, maker: Credential | None) -> None:
    if maker is None:
        return
    if surplus := sorted(set(wish.scopes) - maker.scopes):
        raise Forbidden(f"This key lacks scopes that the new one is to have: {', '.join(surplus)}.")
    if maker.guild_ids is not None and (guild_ids is None or not maker.guild_ids.issuperset(guild_ids)):
        raise Forbidden("This key has a list of guilds: name in `guild_ids` some or all of those, and no others.")


def _view(row: asyncpg.Record, token: str | None = None) -> KeyView:
    return KeyView(
        id=str(row["id"]),
        name=row["name"],
        prefix=row["prefix"],
        scopes=[KNOWN[scope] for scope in row["scopes"] if scope in KNOWN],
        guild_ids=None if row["guild_ids"] is None else [str(id_) for id_ in row["guild_ids"]],
        expires_at=row["expires_at"],
        rate_limit=row["rate_limit"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        secret=UNSET if token is None else token,
    )


_AUDITED = ("name", "scopes", "guild_ids", "rate_limit", "expires_at", "revoked_at")


async def _record(
    connection: Connection, actor: Actor, action: str, before: asyncpg.Record | None, after: asyncpg.Record
) -> None:
    """An entry in the installation's log, and for a key with a list of guilds in each guild's, which is
    not told of the others."""

    def told(row: asyncpg.Record | None, name: str) -> Any:  # Any: a column's value
        value = None if row is None else row[name]
        return [str(id_) for id_ in value] if name == "guild_ids" and value is not None else value

    changes = {
        name: Change(told(before, name), told(after, name))
        for name in _AUDITED
        if told(before, name) != told(after, name)
    }
    target = str(after["id"])
    await record(connection, actor, action, guild_ids=[None], target=target, changes=changes)
    if after["guild_ids"] is not None:
        changes.pop("guild_ids", None)
        await record(connection, actor, action, guild_ids=after["guild_ids"], target=target, changes=changes)
