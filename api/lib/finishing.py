"""Work that a cancellation must not stop half-way."""

import asyncio
from collections.abc import Coroutine


async def finish(work: Coroutine[object, object, None]) -> None:
    """Runs it to its end, even if the caller is cancelled meanwhile, once or several times."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
