"""The settings cache: values by guild and name, valid until the change watcher invalidates them."""

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
    """Values by guild, because changes are per guild. A full cache evicts the guilds that were read longest ago."""

    def __init__(self, watcher: ChangeWatcher, size: Callable[[T], int], largest: int, also: str | None = None) -> None:
        """`size`: the bytes of a value, without its entry. `largest`: the bytes of the whole cache; all caches of a
        process are 64 MiB together. `also`: another kind of change that invalidates, besides guilds, settings and
        modules; its id 0 means every guild."""
        self._watcher = watcher
        self._largest = largest
        self._size = size
        self._kinds = {"guild", "settings", also}
        self._guilds: OrderedDict[int, dict[str, T]] = OrderedDict()
        self.weight = 0  # about the bytes of all values
        self._watches: dict[int, set[Watch]] = {}
        watcher.subscribe(self._invalidate)

    def get(self, guild_id: int, module: str) -> T | None:
        """The cached value, if the change watcher is fresh."""
        modules = self._guilds.get(guild_id)
        if modules is None or not self._watcher.is_fresh():
            return None
        self._guilds.move_to_end(guild_id)
        return modules.get(module)

    @contextmanager
    def watching(self, guild_id: int) -> Iterator["Watch"]:
        """Watches the guild around a read or a write. A change meanwhile spoils the result."""
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
        """Caches the value, unless the watch is spoilt."""
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
    """Whether a change was noticed since the watch began."""

    __slots__ = ("spoilt",)

    def __init__(self) -> None:
        self.spoilt = False
