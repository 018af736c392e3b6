"""The export of a person's data: one JSON document, read in pieces, never in memory as a whole."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec

from api.auth.actors import Actor
from api.lib.clock import Clock
from api.postgres.reader import Reader
from api.postgres.replica import LONG_PATIENCE_SECONDS
from api.privacy import queries
from api.privacy.erasing import BATCH_SIZE, RANGE
from api.privacy.places import Place
from api.privacy.reach import reach
from api.privacy.registry import REGISTRY
from tables.members import Member

_encode = msgspec.json.Encoder().encode


class PersonExporter:
    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    async def export(self, actor: Actor, user_id: int) -> AsyncIterator[bytes]:
        """The document in pieces, without rows for an unknown person. With a list of guilds, only their rows."""
        only = reach(actor, user_id)
        guilds = await Member.guilds_of(user_id, only)
        head = _encode({"user_id": str(user_id), "exported_at": self._clock.now()})
        yield head[:-1] + b',"stored":{'
        separator = b""
        for place in REGISTRY:
            if place.export is None:
                continue
            yield separator + _encode(place.title) + b":["
            separator = b""
            async for rows in self._rows(place, place.export, user_id, only, guilds):
                if rows:
                    yield separator + b",".join(_encode(_exported(place, row)) for row in rows)
                    separator = b","
            yield b"]"
            separator = b","
        yield b"}}"

    async def _rows(
        self, place: Place, statement: str, user_id: int, only: list[int] | None, guilds: list[int]
    ) -> AsyncIterator[list[asyncpg.Record]]:
        if place.step == "pages":
            after = 0
            while True:
                rows = await self._fetch(statement, user_id, only, after, BATCH_SIZE)
                yield rows
                if len(rows) < BATCH_SIZE:
                    return
                after = rows[-1]["id"]
        if place.step == "ids":
            (row,) = await self._fetch(queries.IDS.format(table=place.table))  # an aggregate always has one
            wanted: list[tuple[object, ...]] = [
                (only, first, first + RANGE - 1) for first in range(row[0] or 0, (row[1] or -1) + 1, RANGE)
            ]
        elif place.step == "guild":
            wanted = [(guild_id,) for guild_id in guilds]
        else:
            wanted = [(only,)]
        for arguments in wanted:
            yield await self._fetch(statement, user_id, *arguments)

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._reader.read(lambda c: c.fetch(statement, *arguments), patience=LONG_PATIENCE_SECONDS)


def _exported(place: Place, row: asyncpg.Record) -> dict[str, object]:
    """The row for JSON: ids as strings, documents unchanged."""
    found: dict[str, object] = dict(row)
    for name, value in row.items():
        if value is None:
            continue
        if name in place.documents:
            found[name] = msgspec.Raw(value.encode())
        elif name == "id" or name.endswith("_id"):
            found[name] = str(value)
    return found
