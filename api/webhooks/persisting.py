"""Stores what came of a sending though it takes several tries: what was sent and is not noted would be sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.errors import Unavailable
from api.postgres.database import AWAY, CONTENTION

LONGEST_SECONDS = 15.0  # with a sending (10 s) less than the lease of a webhook, which nobody else takes meanwhile
RETRY_SECONDS = 0.5

T = TypeVar("T")


async def persisted(attempt: Callable[[], Awaitable[T]]) -> T:
    """Tries a transaction again while locks, time-outs or the database's absence keep it from being stored, for 15 s
    at most. Raises what the last try did."""
    ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while True:
        try:
            return await attempt()
        except (Unavailable, *CONTENTION, *AWAY):
            if asyncio.get_running_loop().time() > ends:
                raise
        await asyncio.sleep(RETRY_SECONDS)
