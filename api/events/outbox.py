"""Tells the event stream of a change, within the change's own transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from api.postgres.database import Connection

_encode = msgspec.json.Encoder().encode

# No notification: it would have every commit that tells something wait for the one before. The reader of the
# stream looks often (`reading.py`), and what people change wakes it by the triggers that wake the caches.
_TELL = """
    INSERT INTO outbox (guild_id, type, data, user_id)
    SELECT guild_id, type, data::jsonb, user_id
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
        AS told (guild_id, type, data, user_id, n)
    ORDER BY n
"""


class Told(NamedTuple):
    """One event. `guild_id` None: it concerns every guild. `data`: what msgspec makes JSON of; snowflakes are
    strings already. `user_id`: whose erasure empties `data`."""

    guild_id: int | None
    type: str
    data: Mapping[str, object]
    user_id: int | None = None


async def tell(connection: Connection, told: Sequence[Told]) -> None:
    """Adds events to the stream, in this order, when the transaction commits. Call it after the change itself,
    so that who waited for the change's lock comes after it. One statement; none for no events."""
    if told:
        await connection.execute(
            _TELL,
            [event.guild_id for event in told],
            [event.type for event in told],
            [_encode(event.data).decode() for event in told],
            [event.user_id for event in told],
        )
