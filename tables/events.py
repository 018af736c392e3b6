"""Events, as changes write them, and as the stream has them.

A declaration describes these tables only in part: see `tables/by_sql.py`. A database function assigns positions to
events; `api/events/outbox.py` writes them."""

from piccolo.columns import JSONB, BigInt, Column, Date, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table


class Xid8(Column):
    """A transaction's number, which does not wrap."""

    value_type = int
    column_type = "XID8"


class PgSnapshot(Column):
    """The transactions that a snapshot sees."""

    value_type = str
    column_type = "PG_SNAPSHOT"


class Outbox(Table, tablename="outbox", help_text="An event, stored in the transaction of its change."):
    id = BigInt(primary_key=True, default=None, null=False, help_text="In the order in which they were written.")
    guild_id = BigInt(default=None, null=True, help_text="The guild it is about; empty: every guild.")
    type = Varchar(length=64, default=None, null=False, help_text="What happened: settings.updated, …")
    data = JSONB(default=None, null=False, help_text="The event's data.")
    user_id = BigInt(
        default=None,
        null=True,
        help_text="The person it is about, if it is about one: erasing them empties `data`.",
    )
    at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When the transaction of the change began.")
    xid = Xid8(default=None, null=False, help_text="The transaction that wrote it.")


class StreamEvent(Table, tablename="stream_events", help_text="An event with its position in the stream."):
    position = BigInt(
        primary_key=True,
        default=None,
        null=False,
        help_text="Its id in the stream: rises by one, and is given when the change is committed.",
    )
    day = Date(default=None, null=False, help_text="The day, in UTC, on which it got its position.")
    guild_id = BigInt(default=None, null=True, help_text="The guild it is about; empty: every guild.")
    type = Varchar(length=64, default=None, null=False, help_text="What happened: settings.updated, …")
    data = JSONB(default=None, null=False, help_text="The event's data.")
    user_id = BigInt(
        default=None,
        null=True,
        help_text="The person it is about, if it is about one: erasing them empties `data`.",
    )
    at = Timestamptz(default=None, null=False, help_text="When the transaction of the change began.")


class StreamPosition(Table, tablename="stream_position", help_text="How far events have got their positions."):
    newest = BigInt(default=0, null=False, help_text="The position of the newest event; 0 before the first.")
    round = BigInt(
        primary_key=True, default=0, null=False, help_text="Rises by one, so that the row is the last of its index."
    )
    seen = PgSnapshot(
        default=None,
        null=False,
        help_text="What it saw has its position, but for what lies between the next two.",
    )
    after_id = BigInt(default=None, null=True, help_text="Of more than a round may do: after which id it goes on.")
    until_id = BigInt(
        default=None, null=True, help_text="Of more than a round may do: up to which id; empty: all is done."
    )
