"""What is remembered of guilds' settings while nothing tells that they changed."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from api.postgres.change_watcher import ChangeWatcher

T = TypeVar("T")

MIB = 1024 * 1024
OVERHEAD_BYTES = 360

ALL_MODULES = ""


class SettingsCache(Generic[T]):
    """By guild, since a guild is what changes. Those that were not asked for the longest go first when it is full."""

    def __init__(self, watcher: ChangeWatcher, size: Callable[[T], int], largest: int, also: str | None = None) -> None:
        """`size`: how many bytes a value takes, beside those of a place in here. `largest`: bytes of all; those of a
        process are 64 MiB together. `also`: what else is forgotten by, beside guilds, settings and modules; 0 stands
        for every guild."""
        self._watcher = watcher
        self._largest = largest
        self._size = size
        self._kinds = {"guild", "settings", also}
        self._guilds: OrderedDict[int, dict[str, T]] = OrderedDict()
        self.weight = 0  # bytes of all that is remembered, about
        self._watches: dict[int, set[Watch]] = {}
        watcher.subscribe(self._invalidate)

    def get(self, guild_id: int, module: str) -> T | None:
        """What is known and may still be believed."""
        modules = self._guilds.get(guild_id)
        if modules is None or not self._watcher.is_fresh():
            return None
        self._guilds.move_to_end(guild_id)
        return modules.get(module)

    @contextmanager
    def watching(self, guild_id: int) -> Iterator["Watch"]:
        """Around a read or a write: what is told of the guild meanwhile spoils what comes of it."""
        watch = Watch()
        watches = self._watches.setdefault(guild_id, set())
        watches.add(watch)
        try:
            yield watch
        finally:
            watches.discard(watch)
            if not watches and self._watches.get(guild_id) is watches:
                del self._watches[guild_id]

    def put(self, guild_id: int, module: str, known: T, watch: "Watch | None" = None) -> None:
        """Remembers it, unless it was spoilt."""
        if watch is not None and watch.spoilt:
            return
        modules = self._guilds.setdefault(guild_id, {})
        if module in modules:
            self.weight -= self._weight(modules[module])
        modules[module] = known
        self.weight += self._weight(known)
        while self.weight > self._largest:
            self._drop(next(iter(self._guilds)))

    def _drop(self, guild_id: int) -> None:
        self.weight -= sum(map(self._weight, self._guilds.pop(guild_id, {}).values()))

    def _weight(self, known: T) -> int:
        return self._size(known) + OVERHEAD_BYTES

    def _invalidate(self, kind: str, ids: set[int] | None) -> None:
        if kind == "module" or (kind in self._kinds and (ids is None or 0 in ids)):
            self._guilds.clear()
            self.weight = 0
            ids = set(self._watches)
        elif kind not in self._kinds:
            return
        for id_ in ids or ():
            self._drop(id_)
            for watch in self._watches.get(id_, ()):
                watch.spoilt = True


class Watch:
    """Whether somebody told of a change since it began."""

    __slots__ = ("spoilt",)

    def __init__(self) -> None:
        self.spoilt = False
