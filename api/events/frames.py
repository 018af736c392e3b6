"""Frames: an event as the stream sends it, with one line each for `id`, `event` and `data`. It is encoded twice at
most, whole and trimmed, for any number of clients."""

import asyncpg
import msgspec

from api.auth.scopes import Scope
from api.events.rights import right_of, trimmed

COLUMNS = "e.position, e.guild_id, e.type, e.data::text AS data, e.at, p.user_id AS hidden_id"

# Whether the person is hidden now: hiding also hides their earlier events.
SOURCE = "stream_events e LEFT JOIN privacy_choices p ON p.user_id = e.user_id AND p.hidden_at IS NOT NULL"

ERASED = '{"erased": true}'

_encode = msgspec.json.Encoder().encode


class Event:
    """`guild_id` None: the event concerns every guild. `hidden_id`: the hidden person it is about. `needs`: the scope
    that its whole data needs."""

    __slots__ = ("_row", "_trimmed", "_whole", "guild_id", "hidden_id", "needs", "position", "type")

    def __init__(self, row: asyncpg.Record) -> None:
        """From a row with `COLUMNS`."""
        self.position: int = row["position"]
        self.guild_id: int | None = row["guild_id"]
        self.type: str = row["type"]
        self.hidden_id: int | None = row["hidden_id"]
        self.needs: Scope = right_of(self.type).scope
        self._row = row
        self._whole: bytes | None = None
        self._trimmed: bytes | None = None

    def frame(self, *, whole: bool) -> bytes:
        """The bytes to send. The data of an erased person says only that."""
        if whole:
            if self._whole is None:
                self._whole = self._frame(self._row["data"])
            return self._whole
        if self._trimmed is None:
            data = self._row["data"]
            self._trimmed = self._frame(data if data == ERASED else trimmed(self.type, data))
        return self._trimmed

    def _frame(self, data: str) -> bytes:
        if data != ERASED:
            guild_id = None if self.guild_id is None else str(self.guild_id)
            envelope = _encode({"guild_id": guild_id, "at": self._row["at"]})
            data = envelope.decode() if data == "{}" else f"{envelope[:-1].decode()},{data[1:]}"
        return f"id: {self.position}\nevent: {self.type}\ndata: {data}\n\n".encode()
