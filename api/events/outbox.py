"""The outbox: events are stored in the transaction of the change that they report."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from api.postgres.database import Connection

_encode = msgspec.json.Encoder().encode


# No NOTIFY, because commits that notify wait for each other. The event poller polls often. After a change by a person,
# the triggers that wake the change watcher also wake the poller.
def outbox_rows(of: str, *, guild_id: str, type_: str, data: str, user_id: str = "NULL::bigint") -> str:
    """The statement that adds an event for each row of `of`: a statement, or a part of the one that makes the change.
    Each column is an SQL expression."""
    return f"""
        INSERT INTO outbox (guild_id, type, data, user_id)
        SELECT {guild_id}, {type_}, {data}::jsonb, {user_id} FROM {of}
    """


_PUBLISH = outbox_rows(
    """unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
        AS event (guild_id, type, data, user_id, n)
        ORDER BY n""",
    guild_id="guild_id",
    type_="type",
    data="data",
    user_id="user_id",
)


class OutboxEvent(NamedTuple):
    """One event. `guild_id` None: it concerns every guild. `data`: encoded to JSON by msgspec, with snowflakes as
    strings already. `user_id`: the person whose erasure empties `data`."""

    guild_id: int | None
    type: str
    data: Mapping[str, object]
    user_id: int | None = None


async def publish(connection: Connection, events: Sequence[OutboxEvent]) -> None:
    """Stores events in this order. The stream sends them after the commit. Call it after the change itself: then events
    of a writer that waited for the change's lock come later. One statement; none for no events."""
    if events:
        await connection.execute(
            _PUBLISH,
            [event.guild_id for event in events],
            [event.type for event in events],
            [_encode(event.data).decode() for event in events],
            [event.user_id for event in events],
        )
