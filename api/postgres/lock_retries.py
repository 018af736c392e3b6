"""Migrations give way to requests.

A statement that changes a table waits until nobody uses it, and all later statements on the table wait behind it. If
something reads for long (a backup, an export), requests would fail, because they wait a second for a lock at most. So
each migration waits for a short time, lets the others pass, and tries again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from api.postgres.failures import LOCKED, MigrationFailed

WAIT_MS = 300  # for each lock
PAUSE_SECONDS = 0.7
SECONDS = 60.0


async def retry(transaction: Callable[[], Awaitable[None]]) -> None:
    """Runs the transaction until it gets its locks. Raises `MigrationFailed` after a minute."""
    ends = time.monotonic() + SECONDS
    while True:
        try:
            return await transaction()
        except LOCKED as error:
            if time.monotonic() > ends:
                raise MigrationFailed(
                    f"A table has been in use for {SECONDS:.0f} s, for example by a backup or by a long query, and the "
                    "migration gave way to them. Run it again when that has ended."
                ) from error
        await asyncio.sleep(PAUSE_SECONDS)
