"""Work that takes long is done beside the event loop, in a thread: the loop then waits milliseconds for its turn."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Bytes of JSON that are worked on at once: the worst of so many take a few milliseconds.
INLINE_BYTES = 4 * 1024


async def beside(
    size: int, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """What the work gives, done in a thread if it is about more than 4 KiB. It must not touch what others change."""
    if size <= INLINE_BYTES:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)
