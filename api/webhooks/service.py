"""A guild's webhooks: made, changed, tried, removed; and what became of what was sent."""

import asyncio
from typing import Any

import asyncpg
from msgspec import UNSET

from api.audit.service import record
from api.auth.actors import Actor
from api.auth.scopes import Scope
from api.errors import Conflict, Invalid, NotFound, PreconditionFailed
from api.events.rights import RIGHTS
from api.idempotency.store import keep
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.pagination import Cursors, Page, cut
from api.postgres.database import Connection, Database
from api.webhooks import queries
from api.webhooks.addresses import Reach
from api.webhooks.dtos import CreateWebhook, DeliveryView, PatchWebhook, WebhookView
from api.webhooks.resolving import Resolver
from api.webhooks.rules import target
from api.webhooks.secrets import Vault, make
from api.webhooks.sending import NotAllowed, refuse, refuse_local

MOST = 10  # of a guild
RESOLVE_SECONDS = 1.0

# What the data of the stream's events needs.
_BOUNDS = frozenset(right.scope for right in RIGHTS.values())

_NO_ADDRESS = (
    "is no address that can be sent to: http or https, no user in it, and as its host a name without a dot at its end,"
    " four decimal numbers, or an IPv6 address without a zone"
)
_REFUSED = {
    Reach.PRIVATE: "leads to an address that is not public, as GUILDHALL_WEBHOOK_PRIVATE_ADDRESSES=true would allow",
    Reach.NEVER: "leads to an address that no webhook may lead to: link-local, unspecified, multicast or a cloud's own",
}


class WebhookService:
    def __init__(
        self, database: Database, cursors: Cursors, clock: Clock, vault: Vault, resolver: Resolver, *, private: bool
    ) -> None:
        """`private`: whether they may lead to addresses that are not public."""
        self._database = database
        self._cursors = cursors
        self._clock = clock
        self._vault = vault
        self._resolver = resolver
        self._private = private

    async def create(self, actor: Actor, guild_id: int, wish: CreateWebhook) -> WebhookView:
        """Makes one. Sent twice, it makes two, unless it bears an idempotency key. Raises `Invalid`, `Conflict`."""
        await self._refuse(wish.url, guild_id)
        secret = make()
        disabled_at = None if wish.enabled else self._clock.now()
        async with self._database.transaction() as connection:
            await connection.execute(queries.LOCK_GUILD, guild_id)
            row = await connection.fetchrow(
                queries.INSERT,
                guild_id,
                wish.url,
                _types(wish.types),
                self._vault.seal(secret),
                disabled_at,
                MOST,
                *_maker(actor),
            )
            if row is None:
                raise Conflict(f"A guild has {MOST} webhooks at most.")
            await _record(connection, actor, "webhook.created", None, row)
            view = _view(row, secret)
            await keep(connection, actor.claim, view, status=201)
        return view

    async def list_webhooks(self, actor: Actor, guild_id: int, *, limit: int, cursor: str | None) -> Page[WebhookView]:
        """A guild's webhooks, oldest first."""
        limit = min(limit, 100)
        scope = f"webhooks:{guild_id}:{actor.id}"
        after = self._cursors.read(scope, cursor)[0] if cursor is not None else 0
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.LIST, guild_id, after, limit + 1)
        return cut(rows, limit, _view, lambda row: self._cursors.write(scope, [row["id"]]))

    async def get(self, guild_id: int, webhook_id: int) -> WebhookView:
        """One webhook, without its secret. Raises `NotFound`."""
        async with self._database.connection() as connection:
            return _view(await _found(connection, guild_id, webhook_id))

    async def require(self, guild_id: int, webhook_id: int) -> None:
        """Raises `NotFound` for one that the guild does not have."""
        await self.get(guild_id, webhook_id)

    async def patch(
        self, actor: Actor, guild_id: int, webhook_id: int, wish: PatchWebhook, preconditions: Preconditions | None
    ) -> WebhookView:
        """Changes some of it. Sent twice, the second time changes nothing. Raises `NotFound`, `Invalid`,
        `PreconditionFailed`."""
        if wish.url is not UNSET:
            await self._refuse(wish.url, guild_id)
        async with self._database.transaction() as connection:
            before = await _found(connection, guild_id, webhook_id, lock=True)
            _match(before, preconditions)
            url = before["url"] if wish.url is UNSET else wish.url
            types = before["types"] if wish.types is UNSET else _types(wish.types or [])
            was_enabled = before["disabled_at"] is None
            enabled = was_enabled if wish.enabled is UNSET else wish.enabled is not False
            if (url, types, enabled) == (before["url"], before["types"], was_enabled):
                return _view(before)
            disabled_at = None if enabled else before["disabled_at"] or self._clock.now()
            renewed = url != before["url"] or (enabled and not was_enabled)
            row = await connection.fetchrow(
                queries.UPDATE, webhook_id, url, types, disabled_at, renewed, *_maker(actor)
            )
            assert row is not None  # it is locked
            await _record(connection, actor, "webhook.updated", before, row)
        return _view(row)

    async def delete(self, actor: Actor, guild_id: int, webhook_id: int, preconditions: Preconditions | None) -> None:
        """Removes it, with its deliveries. Raises `NotFound`, also the second time, and `PreconditionFailed`."""
        async with self._database.transaction() as connection:
            before = await _found(connection, guild_id, webhook_id, lock=True)
            _match(before, preconditions)
            await connection.execute(queries.DELETE, webhook_id)
            await _record(connection, actor, "webhook.deleted", before, None)

    async def test(self, actor: Actor, guild_id: int, webhook_id: int) -> DeliveryView:
        """Sends it an event that means nothing. Sent twice, two. Raises `NotFound`, `Conflict` for one that is
        not enabled."""
        async with self._database.transaction() as connection:
            found = await _found(connection, guild_id, webhook_id, lock=True)
            if found["disabled_at"] is not None:
                raise Conflict("This webhook is not enabled: nothing is sent to it.")
            row = await connection.fetchrow(queries.TEST, webhook_id, self._clock.now())
            assert row is not None  # an INSERT gives its row
            view = _delivery(row)
            await keep(connection, actor.claim, view)
        return view

    async def deliveries(
        self, actor: Actor, guild_id: int, webhook_id: int, *, limit: int, cursor: str | None
    ) -> Page[DeliveryView]:
        """What was sent to it in the last week, or is to be, newest first. Raises `NotFound`."""
        limit = min(limit, 100)
        scope = f"deliveries:{webhook_id}:{actor.id}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        async with self._database.connection() as connection:
            await _found(connection, guild_id, webhook_id)
            rows = await connection.fetch(queries.DELIVERIES, webhook_id, before, limit + 1, actor.hidden_seen())
        return cut(rows, limit, _delivery, lambda row: self._cursors.write(scope, [row["id"]]))

    async def _refuse(self, url: str, guild_id: int) -> None:
        """Raises `Invalid` for an address that nothing can be sent to. A name that nobody knows now may be known
        later: where it leads is looked at again each time that something is sent."""
        where = target(url)
        if where is None:
            raise Invalid(errors=[Fault("/url", _NO_ADDRESS)])
        try:
            refuse_local(where.host, private=self._private)
            async with asyncio.timeout(RESOLVE_SECONDS):
                ips = await self._resolver.addresses(where.host, where.port, guild_id)
            refuse(ips, private=self._private)
        except NotAllowed as refused:
            raise Invalid(errors=[Fault("/url", _REFUSED[refused.reach])]) from None
        except UnicodeError:
            raise Invalid(errors=[Fault("/url", "has a name that cannot be looked up")]) from None
        except OSError:  # also TimeoutError: nobody knows it now
            return


def _maker(actor: Actor) -> tuple[list[str], int | None]:
    """What bounds what a webhook tells that this actor makes or changes, and the key with which it ends.
    `members:write` is what shows a guild's bot hidden people: what a person makes does not have it."""
    credential = actor.credential
    scopes = _BOUNDS if credential is None else _BOUNDS & credential.scopes
    if actor.hidden_seen() is None:
        scopes |= {Scope.MEMBERS_WRITE}
    is_key = credential is not None and credential.user_id is None
    return sorted(scopes), credential.id if credential is not None and is_key else None


def _types(types: list[Any]) -> list[str]:  # Any: literals, as `EventType` has them
    return sorted(set(types))


async def _found(connection: Connection, guild_id: int, webhook_id: int, *, lock: bool = False) -> asyncpg.Record:
    row = await connection.fetchrow(queries.READ + (" FOR UPDATE" if lock else ""), guild_id, webhook_id)
    if row is None:
        raise NotFound
    return row


def _match(row: asyncpg.Record, preconditions: Preconditions | None) -> None:
    if preconditions is not None and not preconditions.hold(encoded(_view(row)).etag):
        raise PreconditionFailed


def _view(row: asyncpg.Record, secret: str | None = None) -> WebhookView:
    return WebhookView(
        id=str(row["id"]),
        guild_id=str(row["guild_id"]),
        url=row["url"],
        types=row["types"],
        enabled=row["disabled_at"] is None,
        created_at=row["created_at"],
        secret=UNSET if secret is None else secret,
    )


def _delivery(row: asyncpg.Record) -> DeliveryView:
    return DeliveryView(delivery_id(row), row["type"], row["at"], row["status"], row["attempts"])


def delivery_id(row: asyncpg.Record) -> str:
    """What a delivery's body has as `id`: the event's own, or of a test one that no event has."""
    return f"test-{row['id']}" if row["position"] is None else str(row["position"])


async def _record(
    connection: Connection, actor: Actor, action: str, before: asyncpg.Record | None, after: asyncpg.Record | None
) -> None:
    def told(row: asyncpg.Record | None) -> dict[str, object]:
        if row is None:
            return {"url": None, "types": None, "enabled": None}
        return {"url": row["url"], "types": row["types"], "enabled": row["disabled_at"] is None}

    was, now, row = told(before), told(after), after or before
    assert row is not None  # there was one, or there is
    changes = {name: Change(was[name], now[name]) for name in was if was[name] != now[name]}
    await record(connection, actor, action, guild_ids=[row["guild_id"]], target=str(row["id"]), changes=changes)
