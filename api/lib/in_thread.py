"""Long work in a thread, so the event loop waits for milliseconds at most."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Bytes of JSON that are processed on the event loop: the worst case takes a few milliseconds.
INLINE_BYTES = 4 * 1024


async def in_thread(
    size: int, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """The result of `work`, run in a thread if it is about more than 4 KiB. It must not use what other tasks change."""
    if size <= INLINE_BYTES:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)
