"""Stores the result of a delivery, with retries: a result that is not stored would be sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.postgres.failures import RETRYABLE

LONGEST_SECONDS = 15.0  # with a sending (10 s) less than the lease of a webhook, which nobody else takes meanwhile
RETRY_SECONDS = 0.5

T = TypeVar("T")


async def persisted(attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeats a transaction while locks, time-outs or the database's absence stop it, for 15 s at most. Raises the last
    error."""
    ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while True:
        try:
            return await attempt()
        except RETRYABLE:
            if asyncio.get_running_loop().time() > ends:
                raise
        await asyncio.sleep(RETRY_SECONDS)
