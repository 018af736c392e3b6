"""How long the event loop stood while something ran, in CPU time: what others on the machine do is not counted."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

TICK_SECONDS = 0.001


class Standing:
    """`longest`: the most CPU seconds that the process, all its threads, spent between two turns of a task that
    asks for one each millisecond. `spent`: all of them."""

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
    """The collector passes over what is there already, as it does in a server: a run of tests has a large heap. So it
    stays, for most of it lives until the end."""
    gc.collect()
    gc.freeze()
    yield
