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
    secret = Bytea(default=None, null=False, secret=True, help_text="What signs, encrypted.")
    scopes = Array(
        base_column=Varchar(length=64),
        default=list,
        null=False,
        help_text="Of what its maker could read, what bounds the data that it is sent.",
    )
    key_id = BigInt(
        default=None,
        null=True,
        help_text="The first of the keys in whose line it was made: it ends with them; empty: a person made it.",
    )
    disabled_at = Timestamptz(default=None, null=True, help_text="Since when nothing is sent; empty: it is.")
    failing_since = Timestamptz(default=None, null=True, help_text="Since when nothing arrives; empty: it does.")
    failures = Integer(default=0, null=False, help_text="How often in a row nothing arrived.")
    rests_until = Timestamptz(default=None, null=True, help_text="Until when it is left alone after a failure.")
    done_id = BigInt(
        default=0, null=False, help_text="Of its deliveries none up to this one is yet to be tried for the first time."
    )
    due_at = Timestamptz(default=None, null=True, help_text="When there is something to send; empty: nothing.")
    holder = Bytea(default=None, null=True, help_text="The process that is sending; empty: none.")
    held_until = Timestamptz(default=None, null=True, help_text="When others may send if that one is silent.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")

    webhooks_url_check = Check("url ~ '^https?://'")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.url])


class WebhookDelivery(
    Table, tablename="webhook_deliveries", help_text="An event for a webhook, and what became of it. Kept for a week."
):
    id = BigSerial(primary_key=True)
    webhook_id = ForeignKey(Webhook, default=None, null=False, on_delete=OnDelete.cascade, help_text="The webhook.")
    position = BigInt(default=None, null=True, help_text="The event's position in the stream; empty: a test.")
    day = Date(default=None, null=True, help_text="The part of the stream in which it is; empty: a test.")
    type = Varchar(length=64, default=None, null=False, help_text="The event's type.")
    at = Timestamptz(default=None, null=False, help_text="When it happened.")
    status = Varchar(length=9, default="pending", null=False, help_text="pending, delivered or failed.")
    attempts = Integer(default=0, null=False, help_text="How often it was tried.")
    next_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it is tried next.")
    outcome = Varchar(
        length=200, default=None, null=True, help_text="What came of the last try: a status, or why none."
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


class WebhookPosition(Table, tablename="webhook_position", help_text="How far webhooks are owed their deliveries."):
    round = BigInt(
        primary_key=True, default=0, null=False, help_text="Rises by one, so that the row is the last of its index."
    )
    position = BigInt(default=None, null=False, help_text="The last event of which it is written who is owed it.")
    webhook_id = BigInt(
        default=None,
        null=True,
        help_text="Of the event after it, which concerns every guild: the last webhook that is seen to; empty: none.",
    )
