"""How much is kept for one credential: answers to requests with an `Idempotency-Key`, each for a day."""

import asyncio
import math
from collections import OrderedDict
from datetime import datetime, timedelta

from api.errors import TooManyRequests
from api.postgres.database import Connection

MOST_ANSWERS = 100_000
MOST_BYTES = 64 * 1024 * 1024
OWNERS = 10_000  # of whom a process remembers how much room is left
COUNTED_FOR = timedelta(minutes=1)

_COUNT = """
    SELECT count(*) AS answers, coalesce(sum(octet_length(body)), 0)::bigint AS bytes, min(expires_at) AS first
    FROM idempotent_answers WHERE owner = $1 AND expires_at > $2
"""


class Room:
    """What is left for a credential, as this process knows it. It counts again after an eighth of that, and after a
    minute: so a few processes together go over by little, and hardly any request has to wait for a count."""

    __slots__ = ("answers", "bytes", "counting", "until")

    def __init__(self) -> None:
        self.answers = 0
        self.bytes = 0
        self.until: datetime | None = None
        self.counting = asyncio.Lock()

    def is_known(self, now: datetime) -> bool:
        return self.until is not None and now < self.until and self.answers > 0 and self.bytes > 0


class KeptAnswers:
    """The room of each credential."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, Room] = OrderedDict()

    async def take(self, connection: Connection, owner: str, now: datetime) -> Room:
        """Takes room for one answer. Raises `TooManyRequests` where there is none: an answer that was promised for a
        day is not dropped for another."""
        room = self._rooms.get(owner)
        if room is None:
            room = self._rooms[owner] = Room()
            if len(self._rooms) > OWNERS:
                self._rooms.popitem(last=False)
        async with room.counting:
            if not room.is_known(now):
                await self._count(connection, room, owner, now)
            room.answers -= 1
        return room

    async def _count(self, connection: Connection, room: Room, owner: str, now: datetime) -> None:
        row = await connection.fetchrow(_COUNT, owner, now)
        assert row is not None  # a count gives its row
        answers, size = MOST_ANSWERS - row["answers"], MOST_BYTES - row["bytes"]
        if answers <= 0 or size <= 0:
            wait = max(math.ceil((row["first"] - now).total_seconds()), 1)
            raise TooManyRequests(
                f"{MOST_ANSWERS} answers, or {MOST_BYTES // 1024 // 1024} MiB of them, are kept for this credential "
                "already, each for a day. Send this without an `Idempotency-Key` (events count once by their own "
                f"ids), or in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        room.answers, room.bytes, room.until = math.ceil(answers / 8), math.ceil(size / 8), now + COUNTED_FOR
