"""How many pictures a guild may have drawn: 50 a second, and 50 at once after a quiet second."""

import time
from collections import OrderedDict
from collections.abc import Callable

from api.errors import PicturesBusy

A_SECOND = 50
MOST_GUILDS = 10_000


class GuildBounds:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._full: OrderedDict[int, float] = OrderedDict()  # when a guild's second is full again

    def spend(self, guild_id: int) -> None:
        """Counts a picture. Raises `PicturesBusy`."""
        now = self._monotonic()
        full = max(self._full.get(guild_id, now), now) + 1 / A_SECOND
        if full > now + 1:
            raise PicturesBusy("This guild asks for too many pictures a second. Try again soon.")
        self._full[guild_id] = full
        self._full.move_to_end(guild_id)
        if len(self._full) > MOST_GUILDS:
            self._full.popitem(last=False)
