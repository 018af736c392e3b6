"""Webhooks: the addresses that receive a guild's events, and their deliveries."""

from piccolo.columns import (
    Array,
    BigInt,
    BigSerial,
    Bytea,
    Date,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.base import OnDelete
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.table import Table

from tables.guilds import Guild


class Webhook(Table, tablename="webhooks", help_text="An address to which a guild's events are sent."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, on_delete=OnDelete.cascade, help_text="The guild.")
    url = Text(default=None, null=False, help_text="Where events are sent.")
    types = Array(base_column=Varchar(length=64), default=list, null=False, help_text="Which events; empty: all.")
    secret = Bytea(default=None, null=False, secret=True, help_text="The secret that signs, encrypted.")
    scopes = Array(
        base_column=Varchar(length=64),
        default=list,
        null=False,
        help_text="The reading scopes of its maker, which bound the data that it receives.",
    )
    key_id = BigInt(
        default=None,
        null=True,
        help_text="The first key of the rotations that made it: it ends with the last one; empty: a person made it.",
    )
    disabled_at = Timestamptz(default=None, null=True, help_text="When it was disabled; empty: it is enabled.")
    failing_since = Timestamptz(default=None, null=True, help_text="When deliveries began to fail; empty: they arrive.")
    failures = Integer(default=0, null=False, help_text="Failures in a row.")
    backoff_until = Timestamptz(default=None, null=True, help_text="After a failure: nothing is sent before then.")
    done_id = BigInt(default=0, null=False, help_text="All its deliveries up to this id were attempted.")
    due_at = Timestamptz(default=None, null=True, help_text="When a delivery is due; empty: none is.")
    holder = Bytea(default=None, null=True, help_text="The process that is sending; empty: none.")
    leased_until = Timestamptz(
        default=None, null=True, help_text="When another process may send if the holder does not renew its lease."
    )
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")

    webhooks_url_check = Check("url ~ '^https?://'")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.url])


class WebhookDelivery(
    Table, tablename="webhook_deliveries", help_text="The delivery of an event to a webhook. Kept for a week."
):
    id = BigSerial(primary_key=True)
    webhook_id = ForeignKey(Webhook, default=None, null=False, on_delete=OnDelete.cascade, help_text="The webhook.")
    position = BigInt(default=None, null=True, help_text="The event's position in the stream; empty: a test.")
    day = Date(default=None, null=True, help_text="The partition of the stream with the event; empty: a test.")
    type = Varchar(length=64, default=None, null=False, help_text="The event's type.")
    at = Timestamptz(default=None, null=False, help_text="When the event happened.")
    status = Varchar(length=9, default="pending", null=False, help_text="pending, delivered or failed.")
    attempts = Integer(default=0, null=False, help_text="How often it was attempted.")
    next_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it is attempted next.")
    outcome = Varchar(
        length=200,
        default=None,
        null=True,
        help_text="The outcome of the last attempt: a status, or why there is none.",
    )

    webhook_deliveries_status_check = Check("status IN ('pending', 'delivered', 'failed')")

    @classmethod
    async def give_up(cls, webhook_id: int) -> None:
        """Gives up all pending deliveries of this webhook."""
        waiting = (cls.webhook_id == webhook_id) & (cls.status == "pending")
        await cls.update({cls.status: "failed", cls.outcome: "disabled"}).where(waiting)

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.type])


class WebhookPosition(Table, tablename="webhook_position", help_text="The progress of creating deliveries."):
    round = BigInt(
        primary_key=True, default=0, null=False, help_text="Rises by one, so that the row is the last of its index."
    )
    position = BigInt(default=None, null=False, help_text="The last event whose deliveries are created.")
    webhook_id = BigInt(
        default=None,
        null=True,
        help_text="If the next event concerns every guild: the last webhook that has its delivery; empty: none.",
    )
