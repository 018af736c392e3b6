"""An event as the stream sends it: `id`, `event` and `data`, one line each. Encoded once for all who read it."""

from typing import NamedTuple

import asyncpg
import msgspec

COLUMNS = "position, guild_id, type, data::text AS data, at"
ERASED = '{"erased": true}'

_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """`guild_id` None: it concerns every guild. `frame`: what is sent."""

    position: int
    guild_id: int | None
    type: str
    frame: bytes


def event(row: asyncpg.Record) -> Event:
    """An event of a row that has `COLUMNS`. Of an erased person's it tells that alone."""
    position, guild_id, kind, data = row["position"], row["guild_id"], row["type"], row["data"]
    if data != ERASED:
        envelope = _encode({"guild_id": None if guild_id is None else str(guild_id), "at": row["at"]}).decode()
        data = envelope if data == "{}" else f"{envelope[:-1]},{data[1:]}"
    return Event(position, guild_id, kind, f"id: {position}\nevent: {kind}\ndata: {data}\n\n".encode())
