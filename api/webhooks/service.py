"""A guild's webhooks: create, change, test and delete them, and list their deliveries."""

from secrets import token_urlsafe
from typing import Any

from msgspec import UNSET
from piccolo.columns import Column

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Conflict, NotFound, PreconditionFailed
from api.idempotency.store import store_answer
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.pagination import Cursors, Page, paginate
from api.lib.secret_box import SecretBox
from api.postgres.database import Connection, Database
from api.webhooks import queries
from api.webhooks.deliveries import delivery_key, delivery_view
from api.webhooks.dtos import CreateWebhook, DeliveryView, PatchWebhook, WebhookView
from api.webhooks.makers import bounds_of, key_of
from api.webhooks.resolving import Resolver
from api.webhooks.urls import parsed, refuse_url
from tables.guilds import Guild
from tables.sql import DEFAULT, Row
from tables.webhooks import Webhook, WebhookDelivery

MOST = 10  # of a guild
PREFIX = "whsec_"  # of secrets

_SHOWN = (Webhook.id, Webhook.guild_id, Webhook.url, Webhook.types, Webhook.disabled_at, Webhook.created_at)
_DELIVERY = (
    WebhookDelivery.id,
    WebhookDelivery.position,
    WebhookDelivery.type,
    WebhookDelivery.at,
    WebhookDelivery.status,
    WebhookDelivery.attempts,
    WebhookDelivery.outcome,
    WebhookDelivery.next_at,
)


class WebhookService:
    def __init__(
        self,
        database: Database,
        cursors: Cursors,
        clock: Clock,
        secret_box: SecretBox,
        resolver: Resolver,
        *,
        private: bool,
    ) -> None:
        """`private`: whether webhooks may lead to addresses that are not public."""
        self._database = database
        self._cursors = cursors
        self._clock = clock
        self._secret_box = secret_box
        self._resolver = resolver
        self._private = private

    async def create(self, actor: Actor, guild_id: int, data: CreateWebhook) -> WebhookView:
        """Creates a webhook. A second call creates a second one, unless it has an idempotency key. Raises `Invalid`,
        `Conflict`."""
        await refuse_url(data.url, guild_id, self._resolver, private=self._private)
        secret = PREFIX + token_urlsafe(32)
        disabled_at = None if data.enabled else self._clock.now()
        async with self._database.transaction() as connection:
            await Guild.lock(guild_id)  # two requests cannot both create the last allowed one
            if await Webhook.count().where(Webhook.guild_id == guild_id) >= MOST:
                raise Conflict(f"A guild has {MOST} webhooks at most.")
            webhook = Webhook(
                guild_id=guild_id,
                url=data.url,
                types=_types(data.types),
                secret=self._secret_box.encrypt(secret),
                disabled_at=disabled_at,
                scopes=bounds_of(actor),
                key_id=await key_of(actor),
                created_at=DEFAULT,
            )
            [row] = await Webhook.insert(webhook).returning(*_SHOWN)
            await _record(connection, actor, "webhook.created", None, row)
            view = _to_view(row, secret)
            await store_answer(connection, actor.claim, view, status=201)
        return view

    async def list_webhooks(self, actor: Actor, guild_id: int, *, limit: int, cursor: str | None) -> Page[WebhookView]:
        """A guild's webhooks, oldest first."""
        limit = min(limit, 100)
        scope = f"webhooks:{guild_id}:{actor.id}"
        after = self._cursors.read(scope, cursor)[0] if cursor is not None else 0
        query = Webhook.select(*_SHOWN).where(Webhook.guild_id == guild_id, Webhook.id > after)
        rows = await query.order_by(Webhook.id).limit(limit + 1)
        return paginate(rows, limit, _to_view, lambda row: self._cursors.write(scope, [row["id"]]))

    async def get(self, guild_id: int, webhook_id: int) -> WebhookView:
        """One webhook, without its secret. Raises `NotFound`."""
        return _to_view(await _found(guild_id, webhook_id))

    async def require(self, guild_id: int, webhook_id: int) -> None:
        """Raises `NotFound` if the guild does not have this webhook."""
        await self.get(guild_id, webhook_id)

    async def patch(
        self, actor: Actor, guild_id: int, webhook_id: int, data: PatchWebhook, preconditions: Preconditions | None
    ) -> WebhookView:
        """Changes a webhook. A second call changes nothing. Raises `NotFound`, `Invalid`, `PreconditionFailed`."""
        if data.url is not UNSET:
            await refuse_url(data.url, guild_id, self._resolver, private=self._private)
        async with self._database.transaction() as connection:
            before = await _found(guild_id, webhook_id, lock=True)
            _match(before, preconditions)
            url = before["url"] if data.url is UNSET else data.url
            types = before["types"] if data.types is UNSET else _types(data.types or [])
            was_enabled = before["disabled_at"] is None
            enabled = was_enabled if data.enabled is UNSET else data.enabled is not False
            if (url, types, enabled) == (before["url"], before["types"], was_enabled):
                return _to_view(before)
            if enabled:
                parsed(url)  # it may have been made when other URLs were allowed
            disabled_at = None if enabled else before["disabled_at"] or self._clock.now()
            renewed = url != before["url"] or (enabled and not was_enabled)
            # The author of the change is now its maker.
            values: dict[Column | str, object] = {
                Webhook.url: url,
                Webhook.types: types,
                Webhook.disabled_at: disabled_at,
                Webhook.scopes: bounds_of(actor),
                Webhook.key_id: await key_of(actor),
            }
            if renewed:
                values |= {Webhook.failures: 0, Webhook.failing_since: None, Webhook.backoff_until: None}
            if disabled_at is not None:
                values[Webhook.due_at] = None
                await WebhookDelivery.give_up(webhook_id)
            [row] = await Webhook.update(values).where(Webhook.id == webhook_id).returning(*_SHOWN)
            await _record(connection, actor, "webhook.updated", before, row)
        return _to_view(row)

    async def delete(self, actor: Actor, guild_id: int, webhook_id: int, preconditions: Preconditions | None) -> None:
        """Deletes a webhook with its deliveries. Raises `NotFound`, also at a second call, and `PreconditionFailed`."""
        async with self._database.transaction() as connection:
            before = await _found(guild_id, webhook_id, lock=True)
            _match(before, preconditions)
            await Webhook.delete().where(Webhook.id == webhook_id)
            await _record(connection, actor, "webhook.deleted", before, None)

    async def test(self, actor: Actor, guild_id: int, webhook_id: int) -> DeliveryView:
        """Sends a test event. A second call sends a second one. Raises `NotFound`, and `Conflict` for a disabled
        webhook."""
        async with self._database.transaction() as connection:
            await _enabled(guild_id, webhook_id)
            now = self._clock.now()
            await Webhook.update({Webhook.due_at: now}).where(Webhook.id == webhook_id)
            delivery = WebhookDelivery(webhook_id=webhook_id, type="webhook.test", at=now, next_at=now)
            [row] = await WebhookDelivery.insert(delivery).returning(*_DELIVERY)
            view = delivery_view(row)
            await store_answer(connection, actor.claim, view)
        return view

    async def resend(self, actor: Actor, guild_id: int, webhook_id: int, delivery: str) -> DeliveryView:
        """Sends a delivery again, or a pending one now. A second call sends it once more if the first has been sent.
        Raises `NotFound`, and `Conflict` for a disabled webhook."""
        position, test = delivery_key(delivery)
        async with self._database.transaction() as connection:
            await _enabled(guild_id, webhook_id)
            row = await connection.fetchrow(queries.DELIVERY, webhook_id, position, test, actor.hidden_seen())
            if row is None:
                raise NotFound
            row = await connection.fetchrow(queries.RESEND, row["id"], self._clock.now())
            if row is None:  # it was swept
                raise NotFound
            view = delivery_view(row)
            await store_answer(connection, actor.claim, view)
        return view

    async def deliveries(
        self, actor: Actor, guild_id: int, webhook_id: int, *, limit: int, cursor: str | None
    ) -> Page[DeliveryView]:
        """The deliveries of the last week and the pending ones, newest first. Raises `NotFound`."""
        limit = min(limit, 100)
        scope = f"deliveries:{webhook_id}:{actor.id}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        await _found(guild_id, webhook_id)
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.DELIVERIES, webhook_id, before, limit + 1, actor.hidden_seen())
        return paginate(rows, limit, delivery_view, lambda row: self._cursors.write(scope, [row["id"]]))


def _types(types: list[Any]) -> list[str]:  # Any: literals, as `EventType` has them
    return sorted(set(types))


async def _found(guild_id: int, webhook_id: int, *, lock: bool = False) -> Row:
    query = Webhook.select(*_SHOWN).where(Webhook.guild_id == guild_id, Webhook.id == webhook_id)
    row = await (query.lock_rows() if lock else query).first()
    if row is None:
        raise NotFound
    return row


async def _enabled(guild_id: int, webhook_id: int) -> None:
    """Locks a webhook to which something is to be sent. Raises `NotFound`, `Conflict`."""
    if (await _found(guild_id, webhook_id, lock=True))["disabled_at"] is not None:
        raise Conflict("This webhook is not enabled: nothing is sent to it.")


def _match(row: Row, preconditions: Preconditions | None) -> None:
    if preconditions is not None and not preconditions.hold(encoded(_to_view(row)).etag):
        raise PreconditionFailed


def _to_view(row: Row, secret: str | None = None) -> WebhookView:
    return WebhookView(
        id=str(row["id"]),
        guild_id=str(row["guild_id"]),
        url=row["url"],
        types=row["types"],
        enabled=row["disabled_at"] is None,
        created_at=row["created_at"],
        secret=UNSET if secret is None else secret,
    )


async def _record(connection: Connection, actor: Actor, action: str, before: Row | None, after: Row | None) -> None:
    def audited(row: Row | None) -> dict[str, object]:
        if row is None:
            return {"url": None, "types": None, "enabled": None}
        return {"url": row["url"], "types": row["types"], "enabled": row["disabled_at"] is None}

    was, now, row = audited(before), audited(after), after or before
    assert row is not None  # at least one of them exists
    changes = {name: Change(was[name], now[name]) for name in was if was[name] != now[name]}
    await record(connection, actor, action, guild_ids=[row["guild_id"]], target=str(row["id"]), changes=changes)
