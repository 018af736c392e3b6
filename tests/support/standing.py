"""Measures how long a block of code holds up the event loop, in CPU time: other programs on the machine do not
count."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

TICK_SECONDS = 0.001


class Standing:
    """`longest`: the most CPU seconds of the process, with all its threads, between two turns of a task that runs every
    millisecond. `spent`: all of them."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.spent = 0.0

    async def _watch(self) -> None:
        before = time.process_time()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.process_time()
            self.longest = max(self.longest, now - before)
            before = now


@asynccontextmanager
async def standing() -> AsyncIterator[Standing]:
    """Watches the running loop."""
    found = Standing()
    began = time.process_time()
    watch = asyncio.create_task(found._watch())
    try:
        await asyncio.sleep(0)
        yield found
        await asyncio.sleep(2 * TICK_SECONDS)
    finally:
        found.spent = time.process_time() - began
        watch.cancel()


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Hides existing objects from the garbage collector, as a server does: a test run has a large heap. It stays so,
    because most of them live until the end."""
    gc.collect()
    gc.freeze()
    yield
