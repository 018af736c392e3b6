"""Creates, rotates and revokes keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from api.audit.service import record
from api.auth import queries, tokens
from api.auth.actors import Actor, Credential
from api.auth.scopes import KNOWN
from api.errors import Conflict, Forbidden, Invalid, KeyExpired, NotFound, Unauthorized
from api.idempotency.store import store_answer
from api.keys import rules
from api.keys.dtos import CreateKey, KeyQuery, KeyView, RotateKey
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.pagination import Cursors, Page, paginate
from api.lib.text import nfc
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Connection, Database
from tables.auth import ApiKey
from tables.guilds import Guild
from tables.sql import Row

# Keys that have not ended: of one family, because ending a key ends its descendants in one transaction; and in a guild,
# those that no other key made.
MOST_KEYS = 1000
MOST_OF_GUILD = 25


class KeyService:
    def __init__(self, database: Database, watcher: ChangeWatcher, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._watcher = watcher
        self._cursors = cursors
        self._clock = clock

    async def create(self, actor: Actor, data: CreateKey, guild_id: int | None = None) -> KeyView:
        """Creates a key whose rights its maker has, and which ends with its maker. One that a person makes is for
        `guild_id` alone, and belongs to the guild. A second call creates another."""
        now = self._clock.now()
        if found := rules.faults(data, now):
            raise Invalid(errors=found)
        maker = actor.credential
        rate_limit = rules.granted_rate_limit(data, None if maker is None else maker.rate_limit)
        guild_ids = None if data.guild_ids is None else sorted({int(id_) for id_ in data.guild_ids})
        if maker is not None:
            rules.refuse_more_than_own(data, guild_ids, scopes=maker.scopes, guilds=maker.guild_ids)
            if maker.user_id is not None:
                rules.refuse_sight_of_hidden_people(data)
        token = tokens.make()
        async with self._database.transaction() as connection:
            parent = None
            if maker is not None and maker.user_id is None:
                parent = await self._maker(connection, maker, now)
            elif guild_id is not None:
                await _refuse_many_of_guild(connection, guild_id, now)
            row = await ApiKey.store(
                name=nfc(data.name),
                prefix=tokens.shown(token),
                hash=tokens.digest(token),
                scopes=sorted(set(data.scopes)),
                guild_ids=guild_ids,
                rate_limit=rate_limit,
                expires_at=rules.granted_expiry(data, None if parent is None else parent["expires_at"]),
                parent_id=None if parent is None else parent["id"],
            )
            await _record(connection, actor, "key.created", None, row)
            answer = _to_view(row, token)
            await store_answer(connection, actor.claim, answer, status=201)
        return answer

    async def _maker(self, connection: Connection, maker: Credential, now: datetime) -> Row:
        """The maker's row, under the family's lock: it may have ended since it was cached."""
        line = await queries.lock_family(connection, maker.id)
        if not line or line[0]["revoked_at"] is not None or _has_expired(line[0], now):
            raise Unauthorized("This key has ended.")
        if len(line) >= rules.MOST_GENERATIONS:
            raise Forbidden(
                f"This key is of the last generation, number {rules.MOST_GENERATIONS}, and cannot make keys."
            )
        await self._refuse_many(connection, line[-1], now)
        return line[0]

    async def _refuse_many(self, connection: Connection, first: Row, now: datetime) -> None:
        origin = first["origin_id"] or first["id"]
        if await connection.fetchval(queries.COUNT_FAMILY, origin, now) >= MOST_KEYS:
            raise Conflict(f"This family already has {MOST_KEYS} keys. Revoke some first.")

    async def list_keys(self, actor: Actor, query: KeyQuery, guild_id: int | None = None) -> Page[KeyView]:
        """The keys whose rights the caller has, newest first. `deleted`: the revoked ones. `parent_id`: those that
        this key made. `guild_id`: those for this guild alone."""
        limit = min(query.limit, 100)
        parent_id = None if query.parent_id is None else int(query.parent_id)
        scope = f"keys:{guild_id}:{query.deleted}:{parent_id}:{actor.kind}:{actor.id}"
        before = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else None
        scopes, guilds = _bounds(actor, guild_id)
        statement, arguments = queries.list_keys(
            scopes=scopes, guilds=guilds, parent_id=parent_id, revoked=query.deleted, before=before, limit=limit + 1
        )
        async with self._database.connection() as connection:
            rows = await connection.fetch(statement, *arguments)
        return paginate(rows, limit, _to_view, lambda row: self._cursors.write(scope, [row["id"]]))

    async def get(self, actor: Actor, key_id: int) -> KeyView:
        """One key. Raises `NotFound`, also for a key with rights that the caller lacks."""
        async with self._database.connection() as connection:
            return _to_view(await _seen(connection, actor, key_id))

    async def require(self, credential: Credential, key_id: int) -> None:
        """Raises `NotFound` for a key that does not exist, or has rights that this one lacks."""
        await self.get(Actor(kind="key", id=str(credential.id), credential=credential), key_id)

    async def rotate(self, actor: Actor, key_id: int, data: RotateKey) -> KeyView:
        """Replaces a key by a new one with its rights and its maker. Keys and webhooks that the old one made now
        belong to the new one. The old key ends after the grace period, or at its own expiry if that is earlier. A
        second call creates another key. Raises `NotFound`, `Forbidden`, `KeyExpired`, `Conflict`."""
        now = self._clock.now()
        token = tokens.make()
        async with self._database.transaction() as connection:
            line = await queries.lock_family(connection, key_id)
            old = await _seen(connection, actor, key_id)
            rules.refuse_faster(old["rate_limit"], None if actor.credential is None else actor.credential.rate_limit)
            _refuse_strangers(actor, line)
            if _has_expired(old, now):
                raise KeyExpired("This key has already expired. Make a new one.")
            await self._refuse_many(connection, line[-1], now)
            kept = ("name", "scopes", "guild_ids", "rate_limit", "expires_at", "parent_id")
            row = await ApiKey.store(
                **{name: old[name] for name in kept},
                prefix=tokens.shown(token),
                hash=tokens.digest(token),
                origin_id=old["origin_id"] or key_id,
            )
            children = (ApiKey.parent_id == key_id) & ApiKey.revoked_at.is_null()
            await ApiKey.update({ApiKey.parent_id: row["id"]}).where(children)
            end = now + timedelta(seconds=data.grace_seconds)
            sooner = end if old["expires_at"] is None else min(end, old["expires_at"])
            shortened = ApiKey.update({ApiKey.expires_at: sooner}).where(ApiKey.id == key_id)
            [ended] = await shortened.returning(*ApiKey.all_columns())
            await _record(connection, actor, "key.rotated", old, ended)
            await _record(connection, actor, "key.created", None, row)
            answer = _to_view(row, token)
            await store_answer(connection, actor.claim, answer, status=201)
        self._watcher.invalidate("key", {key_id})
        return answer

    async def revoke(self, actor: Actor, key_id: int, guild_id: int | None = None) -> None:
        """Ends a key and all keys that it made, directly or not, everywhere within five seconds. `guild_id`: only one
        for this guild alone. Raises `NotFound`, also at a second call, and `Forbidden`."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await queries.lock_family(connection, key_id)
            await _seen(connection, actor, key_id, guild_id)
            await _refuse_own_makers(connection, actor, key_id)
            family = await connection.fetch(queries.FAMILY, key_id, now)
            # A trigger ends the keys that it made, also where somebody does this by hand.
            await ApiKey.update({ApiKey.revoked_at: now}).where(ApiKey.id == key_id)
            for row in family:
                await _record(connection, actor, "key.revoked", row, {**row, "revoked_at": now})
        self._watcher.invalidate("key", {row["id"] for row in family})


async def _refuse_many_of_guild(connection: Connection, guild_id: int, now: datetime) -> None:
    await Guild.lock(guild_id)  # two requests cannot both create the last allowed one
    if await connection.fetchval(queries.COUNT_OF_GUILD, guild_id, now) >= MOST_OF_GUILD:
        raise Conflict(f"This guild already has {MOST_OF_GUILD} keys of its own. Revoke some first.")


async def _seen(connection: Connection, actor: Actor, key_id: int, guild_id: int | None = None) -> Row:
    row = await connection.fetchrow(queries.GET, *_bounds(actor, guild_id), key_id)
    if row is None:
        raise NotFound
    return row


def _bounds(actor: Actor, guild_id: int | None) -> tuple[list[str] | None, list[int] | None]:
    """The caller's scopes and guilds, or the one guild; None for no limit, as on Guildhall's own command line."""
    scopes: list[str] | None = None if actor.credential is None else sorted(actor.credential.scopes)
    return scopes, actor.guild_list() if guild_id is None else [guild_id]


def _has_expired(row: Row, now: datetime) -> bool:
    return row["expires_at"] is not None and row["expires_at"] <= now


def _refuse_strangers(actor: Actor, line: Sequence[Row]) -> None:
    """Raises `Forbidden` for other keys. A rotation reveals a secret, so it creates a key, which must end with its
    maker."""
    if actor.credential is not None and actor.credential.id not in {row["id"] for row in line}:
        raise Forbidden("Only the key itself, one of its ancestors, or the command line can rotate it.")


async def _refuse_own_makers(connection: Connection, actor: Actor, key_id: int) -> None:
    if actor.credential is None or actor.credential.id == key_id:
        return
    if key_id in {row["id"] for row in await queries.line_of(connection, actor.credential.id)}:
        raise Forbidden("A key cannot revoke its ancestors.")


def _to_view(row: Row, token: str | None = None) -> KeyView:
    return KeyView(
        id=str(row["id"]),
        name=row["name"],
        prefix=row["prefix"],
        scopes=[KNOWN[scope] for scope in row["scopes"] if scope in KNOWN],
        guild_ids=None if row["guild_ids"] is None else [str(id_) for id_ in row["guild_ids"]],
        expires_at=row["expires_at"],
        rate_limit=row["rate_limit"],
        parent_id=None if row["parent_id"] is None else str(row["parent_id"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        secret=UNSET if token is None else token,
    )


_AUDITED = ("name", "scopes", "guild_ids", "rate_limit", "expires_at", "revoked_at", "parent_id")


async def _record(connection: Connection, actor: Actor, action: str, before: Row | None, after: Row) -> None:
    """Writes an audit entry for the installation, and for a key with a list of guilds one in each guild, which does
    not name the other guilds."""

    def value_of(row: Row | None, name: str) -> Any:  # Any: the same
        value = None if row is None else row[name]
        if value is None:
            return None
        if name == "guild_ids":
            return [str(id_) for id_ in value]
        return str(value) if name == "parent_id" else value

    changes = {
        name: Change(value_of(before, name), value_of(after, name))
        for name in _AUDITED
        if value_of(before, name) != value_of(after, name)
    }
    target = str(after["id"])
    await record(connection, actor, action, guild_ids=[None], target=target, changes=changes)
    if after["guild_ids"] is not None:
        changes.pop("guild_ids", None)
        await record(connection, actor, action, guild_ids=after["guild_ids"], target=target, changes=changes)
