"""The bodies of deliveries."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from api.events.frames import ERASED
from api.events.rights import right_of, trimmed
from api.webhooks.deliveries import delivery_id

_encode = msgspec.json.Encoder().encode


class Body(msgspec.Struct):
    """One event."""

    id: str
    event: str
    guild_id: str | None
    at: datetime
    data: msgspec.Raw


def _data(row: asyncpg.Record, scopes: Sequence[str]) -> str:
    """The members of the event's data that the webhook may see."""
    data: str = row["data"]
    return data if data == ERASED or right_of(row["type"]).scope in scopes else trimmed(row["type"], data)


def body_of(webhook: asyncpg.Record, row: asyncpg.Record) -> bytes:
    """The body of a delivery (`queries.NEXT`) for the webhook (`queries.LEASED`)."""
    is_test = row["position"] is None
    guild_id = webhook["guild_id"] if is_test else row["guild_id"]
    return _encode(
        Body(
            id=delivery_id(row),
            event=row["type"],
            guild_id=None if guild_id is None else str(guild_id),
            at=row["at"],
            data=msgspec.Raw(b"{}" if is_test else _data(row, webhook["scopes"]).encode()),
        )
    )
