"""The directory: which guilds exist. In memory, because every request needs it."""

from collections import OrderedDict

from api.errors import NotFound
from api.postgres.change_watcher import ChangeWatcher
from tables.guilds import Guild

CACHED_GUILDS = 200_000


class Directory:
    def __init__(self, watcher: ChangeWatcher) -> None:
        self._watcher = watcher
        self._known: OrderedDict[int, None] = OrderedDict()
        self._invalidations = 0
        watcher.subscribe(self.invalidate)

    async def require(self, guild_id: int) -> None:
        """Raises `NotFound` for a guild that does not exist or is deleted."""
        if guild_id in self._known and self._watcher.is_fresh():
            return
        invalidations = self._invalidations
        if not await Guild.exists().where(Guild.id == guild_id, Guild.deleted_at.is_null()):
            raise NotFound
        if invalidations == self._invalidations:
            self._known[guild_id] = None
            if len(self._known) > CACHED_GUILDS:
                self._known.popitem(last=False)

    def invalidate(self, kind: str, ids: set[int] | None) -> None:
        """Called after guilds changed, in this or another process."""
        if kind == "guild":
            self._invalidations += 1
            for id_ in list(self._known) if ids is None else ids:
                self._known.pop(id_, None)
