"""The deliverer: sends events to webhooks, one after the other for a webhook, and to many webhooks at once.

A delivery is stored when an event gets its position (`guildhall_number_events`), so exactly once. It is sent at least
once: if a process dies after sending and before storing the result, another one sends it again."""

import asyncio
import secrets
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import structlog

from api.audit.service import record
from api.auth.actors import system
from api.auth.scopes import Scope
from api.events.outbox import OutboxEvent, publish
from api.jobs.leases import Leases
from api.jobs.retries import Retries
from api.jobs.worker import Begun, Names
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.secret_box import SecretBox, Undecryptable
from api.lib.shares import Shares
from api.lib.version import VERSION
from api.postgres.database import Connection, Database
from api.webhooks import queries
from api.webhooks.bodies import body_of
from api.webhooks.deliveries import delivery_id
from api.webhooks.rules import BACKOFF, LASTING, MOST_ATTEMPTS, pause, signature, target
from api.webhooks.sending import Outcome, Sender
from tables.webhooks import Webhook, WebhookDelivery

log = structlog.get_logger("guildhall.webhooks")

CANDIDATES = 500  # due webhooks of a poll, to choose from
IN_A_ROW = 50  # events of one webhook, and seconds, before other webhooks have their turn
TURN_SECONDS = 10.0
PAUSE_AFTER_FAULT = timedelta(seconds=30)  # our own, or of the database
KEPT = timedelta(days=7)
BATCH_SIZE = 1000  # events, or webhooks of an event that concerns all guilds
BATCHES = 50  # in a row
SWEPT = 5000
# While a backup holds its snapshot, a poll for all due webhooks reads every row that was ever due.
FULL_POLL_INTERVAL, LATE = timedelta(seconds=15), timedelta(seconds=10)
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
NO_TARGET = "nothing can be sent to its address: its host is written as no browser and no server agrees upon"


class Deliverer:
    """The webhooks with due deliveries, as a worker's source. Only the holder of a webhook's lease sends to it."""

    places = 32  # webhooks at a time in a process; guilds and hosts have shares of them
    poll_seconds = 0.5

    def __init__(self, database: Database, clock: Clock, secret_box: SecretBox, sender: Sender) -> None:
        self._database = database
        self._clock = clock
        self._secret_box = secret_box
        self._sender = sender
        self._leases = Leases(database, "webhooks", secrets.token_bytes(16))
        self._since = self._next_full_poll = self._database_now = _EVER
        self._agent = f"Guildhall/{VERSION}"
        self.woken = asyncio.Event()

    async def lease(self, places: Shares[Hashable]) -> Sequence[Begun]:
        """Leases webhooks with due deliveries, the longest due first, within the shares of their guilds and hosts."""
        await self._create_deliveries()
        now, full = self._clock.now(), places.full()
        guilds = [name[1] for name in full if isinstance(name, tuple) and name[0] == "guild"]
        hosts = [name[1] for name in full if isinstance(name, tuple) and name[0] == "host"]
        async with self._database.connection() as connection:
            due = await connection.fetch(
                queries.DUE, now, guilds, hosts, CANDIDATES, self._since, list(self._leases.held)
            )
            chosen = _choose(due, places)
            is_left = len(chosen) < len(due) or len(due) == CANDIDATES or bool(guilds or hosts)
            self._note(now, has_more=is_left)
            if not chosen:
                return []
            rows = await connection.fetch(queries.LEASE, self._leases.holder, now, list(chosen))
        return [Begun(chosen[id_], self._serve(id_)) for (id_,) in rows]

    def _note(self, now: datetime, *, has_more: bool) -> None:
        """Sets the time from which the next poll searches. Newly due webhooks are found from there, with some
        tolerance. A poll of all due webhooks, including those whose lease ran out, comes at intervals, and as long as
        some are left."""
        if has_more or now >= self._next_full_poll or now < self._since:
            self._next_full_poll = now + FULL_POLL_INTERVAL
            self._since = _EVER
        else:
            # Either clock may have set the due time.
            self._since = min(now, self._database_now) - LATE

    async def _create_deliveries(self) -> None:
        """Stores the deliveries of new events. If there are very many, the next call continues."""
        for _ in range(BATCHES):
            async with self._database.connection() as connection:
                row = await connection.fetchrow(queries.CREATE_DELIVERIES, BATCH_SIZE)
            assert row is not None  # a function always returns its row
            self._database_now = row["now"]
            if not row["is_more"]:
                return

    async def sweep(self) -> bool:
        """Deletes a batch of deliveries that were sent or given up more than a week ago. Returns whether there may be
        more."""
        async with self._database.connection() as connection:
            gone: int = await connection.fetchval(queries.SWEEP, self._clock.now() - KEPT, SWEPT)
        return gone == SWEPT

    async def _serve(self, webhook_id: int) -> None:
        tried: list[int] = []

        async def deliver() -> None:
            backoff_until = await self._send_all(webhook_id, tried)
            await Retries().run(partial(self._release, webhook_id, backoff_until, tried))

        async def release(*, failed: bool) -> None:
            backoff_until = self._clock.now() + PAUSE_AFTER_FAULT if failed else None
            await self._release(webhook_id, backoff_until, tried)

        await self._leases.work(webhook_id, deliver, release)

    async def _release(self, webhook_id: int, backoff_until: datetime | None, tried: Sequence[int]) -> None:
        async with self._database.transaction() as connection:
            ours = (Webhook.id == webhook_id) & (Webhook.holder == self._leases.holder)
            if await Webhook.select(Webhook.id).where(ours).lock_rows().first() is not None:
                await connection.execute(queries.RELEASE, webhook_id, backoff_until, max(tried, default=0))

    async def _send_all(self, webhook_id: int, tried: list[int]) -> datetime | None:
        """Sends due deliveries up to a failure. Returns when to continue. Adds the attempted ones to `tried`."""
        turn_ends = asyncio.get_running_loop().time() + TURN_SECONDS
        for _ in range(IN_A_ROW):
            if asyncio.get_running_loop().time() > turn_ends:
                break
            found = await Retries().run(partial(self._next, webhook_id))
            if found is None:
                return None
            webhook, row = found
            if row["is_hidden"] and Scope.MEMBERS_WRITE not in webhook["scopes"]:
                await Retries().run(partial(_withhold, row["id"]))
                tried.append(row["id"])
                continue
            if webhook["has_ended"]:
                async with self._database.transaction() as connection:
                    await self._disable(connection, webhook_id, self._clock.now(), "the key that made it has ended")
                return None
            if target(webhook["url"]) is None:  # it was made when such URLs were allowed
                async with self._database.transaction() as connection:
                    await self._disable(connection, webhook_id, self._clock.now(), NO_TARGET)
                return None
            outcome = await self._send(webhook, row)
            if not outcome.ok:
                backoff_until = await Retries().run(partial(self._failed, webhook_id, row, outcome))
                tried.append(row["id"])
                return backoff_until
            await Retries().run(partial(self._delivered, webhook_id, row["id"], outcome))
            tried.append(row["id"])
        return self._clock.now()  # behind all others that are due

    async def _next(self, webhook_id: int) -> tuple[asyncpg.Record, asyncpg.Record] | None:
        """Returns the webhook with its next due delivery; None if one of them is gone, or the lease is lost."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            webhook = await connection.fetchrow(queries.LEASED, webhook_id, self._leases.holder, now)
            if webhook is None:
                return None
            row = await connection.fetchrow(queries.NEXT, webhook_id, now, webhook["done_id"])
        return None if row is None else (webhook, row)

    async def _delivered(self, webhook_id: int, delivery: int, outcome: Outcome) -> None:
        async with self._database.connection() as connection:
            await connection.execute(queries.DELIVERED, webhook_id, delivery, outcome.summary)

    async def _send(self, webhook: asyncpg.Record, row: asyncpg.Record) -> Outcome:
        is_test = row["position"] is None
        if not is_test and not row["is_kept"]:
            return Outcome(ok=False, summary="the event is not kept any more")
        body = body_of(webhook, row)
        try:
            secret = self._secret_box.decrypt(webhook["secret"])
        except Undecryptable:
            return Outcome(ok=False, summary="its secret was encrypted with a GUILDHALL_SECRET that is not known now")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": self._agent,
            "Guildhall-Event": row["type"],
            "Guildhall-Delivery": delivery_id(row),
            "Guildhall-Signature": signature(secret, int(self._clock.now().timestamp()), body),
        }
        return await self._sender.send(webhook["url"], headers, body, webhook["guild_id"])

    async def _failed(self, webhook_id: int, row: asyncpg.Record, outcome: Outcome) -> datetime:
        """Stores a failure. Disables a webhook that has been unreachable for too long. Returns when to continue."""
        now, attempts = self._clock.now(), row["attempts"] + 1
        again = None if attempts >= MOST_ATTEMPTS else now + BACKOFF[attempts - 1]
        async with self._database.transaction() as connection:
            state = await connection.fetchrow(queries.FAILED, webhook_id, row["id"], outcome.summary, again, now)
            if state is None:  # the webhook was deleted
                return now
            if again is None and now - state["failing_since"] >= LASTING:
                await self._disable(connection, webhook_id, now, f"nothing arrives: {outcome.summary}")
        log.info("a webhook was not reached", webhook=webhook_id, attempt=attempts, outcome=outcome.summary)
        return now + pause(state["failures"])

    async def _disable(self, connection: Connection, webhook_id: int, now: datetime, reason: str) -> None:
        enabled = (Webhook.id == webhook_id) & Webhook.disabled_at.is_null()
        disabled = Webhook.update({Webhook.disabled_at: now, Webhook.due_at: None}).where(enabled)
        found = await disabled.returning(Webhook.guild_id, Webhook.url)
        await WebhookDelivery.give_up(webhook_id)
        if not found:
            return
        [gone] = found
        changes = {"enabled": Change(before=True, after=False)}
        await record(
            connection,
            system(reason),
            "webhook.disabled",
            guild_ids=[gone["guild_id"]],
            target=str(webhook_id),
            changes=changes,
        )
        await publish(
            connection, [OutboxEvent(gone["guild_id"], "webhook.disabled", {"id": str(webhook_id), "url": gone["url"]})]
        )


def _choose(due: Sequence[asyncpg.Record], places: Shares[Hashable]) -> dict[int, Names]:
    """The webhooks that have room, the longest due first, with the names whose shares they use."""
    chosen: dict[int, Names] = {}
    for row in due:
        names: Names = (("guild", row["guild_id"]), ("host", row["host"]))
        if places.has_room(*names):
            places.take(*names)
            chosen[row["id"]] = names
    for names in chosen.values():  # another process may be faster: they are not leased yet
        places.give_back(*names)
    return chosen


async def _withhold(delivery: int) -> None:
    await WebhookDelivery.delete().where(WebhookDelivery.id == delivery)
