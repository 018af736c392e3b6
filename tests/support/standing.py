"""Measures how long a block of code holds up the event loop, in CPU time: other programs on the machine do not
count.

They do not take its cycles, but share its cores' units and caches: the same instructions then take several times as
much CPU time. So bounds are CPU seconds of a machine at rest, and `slowness` says how much slower it is now."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

TICK_SECONDS = 0.001

_AT_REST = 0.014  # CPU seconds of `_work` on a core of an AMD EPYC when nothing else runs there


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


def slowness() -> float:
    """How many times as long as at rest this process takes for the same instructions just now; at least 1."""
    began = time.thread_time()
    _work()
    return max(1.0, (time.thread_time() - began) / _AT_REST)


def _work() -> int:
    """What a program in Python does: makes objects, looks them up, forgets them."""
    made = {str(number): [(number, each) for each in range(9)] for number in range(4_000)}
    return sum(len(made[name]) for name in made if made[name][0][0] % 2)


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Hides existing objects from the garbage collector, as a server does: a test run has a large heap. It stays so,
    because most of them live until the end."""
    gc.collect()
    gc.freeze()
    yield
