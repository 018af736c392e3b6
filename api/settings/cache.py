"""Encoded settings, kept while nothing tells that they changed."""

from collections import OrderedDict

from api.changes import Changes
from api.lib.encoded import Encoded

LARGEST_BYTES = 16 * 1024 * 1024
OVERHEAD_BYTES = 400

ALL_MODULES = ""


class SettingsCache:
    """By guild, since a guild is what changes. The least recently filled go first when it is full."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._guilds: OrderedDict[int, dict[str, Encoded]] = OrderedDict()
        self._bytes = 0
        self.generation = 0
        changes.subscribe(self._forget)

    def get(self, guild_id: int, module: str) -> Encoded | None:
        """What is known and may still be believed."""
        modules = self._guilds.get(guild_id)
        return modules.get(module) if modules is not None and self._changes.is_fresh() else None

    def put(self, guild_id: int, module: str, encoded: Encoded, generation: int) -> None:
        """`generation` as it was before the read: what changed meanwhile is not kept."""
        if generation != self.generation:
            return
        modules = self._guilds.setdefault(guild_id, {})
        self._bytes += _size(encoded) - (_size(modules[module]) if module in modules else 0)
        modules[module] = encoded
        while self._bytes > LARGEST_BYTES:
            self._drop(next(iter(self._guilds)))

    def _drop(self, guild_id: int) -> None:
        self._bytes -= sum(map(_size, self._guilds.pop(guild_id, {}).values()))

    def _forget(self, kind: str, ids: set[int]) -> None:
        if kind == "module":
            self.generation += 1
            self._guilds.clear()
            self._bytes = 0
        elif kind in ("guild", "settings"):
            self.generation += 1
            for id_ in ids:
                self._drop(id_)


def _size(encoded: Encoded) -> int:
    return len(encoded.body) + OVERHEAD_BYTES
