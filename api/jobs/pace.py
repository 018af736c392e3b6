"""The pace of a job that works in batches, each a transaction that locks rows of a guild or the guild as a whole. Live
requests of the guild wait for these locks, so the size of a batch follows from the time that batches take: on any
machine, under any load, none should take much longer than `HELD_SECONDS`."""

import asyncio

HELD_SECONDS = 0.05
REST_SHARE = 0.1  # of a batch's time; requests that come meanwhile do not wait at all
LONGEST_HELD = 0.5  # after a batch that took longer, the rest is as short as after this
LEAST, FIRST, MOST = 20, 200, 2000


class Pace:
    def __init__(self) -> None:
        self.size = min(FIRST, MOST)  # rows of the next batch
        self._seconds = 0.0

    def note(self, rows: int, seconds: float) -> None:
        """Adapts the size to the time that a batch of so many rows took: to at most twice and at least half of it. A
        short batch of few rows changes nothing: most of its time does not depend on its size."""
        self._seconds = seconds
        fitting = rows * HELD_SECONDS / max(seconds, 1e-6)
        if seconds > HELD_SECONDS or rows >= self.size:
            self.size = int(min(max(fitting, self.size / 2, LEAST), self.size * 2, MOST))

    async def rest(self) -> None:
        """Waits for a share of the time that the last batch took."""
        await asyncio.sleep(min(self._seconds, LONGEST_HELD) * REST_SHARE)
