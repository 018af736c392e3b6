"""Keeps events that are not sent yet beyond the end of a process."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

import msgspec

Event = Mapping[str, object]

_COMPACT_AT = 16 * 1024 * 1024


class Spool(Protocol):
    """Where a `Batcher` keeps events. No method may wait long."""

    def load(self) -> Iterable[tuple[str, Event]]:
        """What an earlier process has left, oldest first. Called once, before anything else."""

    def add(self, guild_id: str, event: Event) -> None:
        """Keeps an event."""

    def remove(self, guild_id: str, ids: Sequence[str]) -> None:
        """These were sent, or are given up."""

    def close(self) -> None:
        """The batcher ends."""


class FileSpool:
    """A file with a line of JSON for each event, and for each batch that was sent. One process may use a file at a
    time, so each shard needs its own. It survives a killed process; the last seconds may be lost if the machine loses
    power."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: IO[bytes] | None = None
        self._waiting = 0
        self._compact_at = _COMPACT_AT

    def load(self) -> list[tuple[str, Event]]:
        """What is left in the file."""
        left = _replay(self._path.read_bytes()) if self._path.exists() else []
        self._rewrite(left)
        return left

    def add(self, guild_id: str, event: Event) -> None:
        """Appends a line."""
        self._write(["add", guild_id, event])
        self._waiting += 1

    def remove(self, guild_id: str, ids: Sequence[str]) -> None:
        """Appends a line; if nothing waits any more, the file is emptied."""
        file = self._write(["remove", guild_id, ids])
        self._waiting -= len(ids)
        if self._waiting <= 0:
            file.truncate(0)
        elif file.tell() > self._compact_at:
            self._rewrite(_replay(self._path.read_bytes()))

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write(self, line: object) -> IO[bytes]:
        if self._file is None:
            raise ValueError("the spool is not open: load it first")
        self._file.write(msgspec.json.encode(line) + b"\n")
        return self._file

    def _rewrite(self, left: list[tuple[str, Event]]) -> None:
        self.close()
        fresh = self._path.with_name(f"{self._path.name}.new")
        size = fresh.write_bytes(b"".join(msgspec.json.encode(["add", *each]) + b"\n" for each in left))
        fresh.replace(self._path)
        self._file = self._path.open("ab", buffering=0)
        self._waiting = len(left)
        self._compact_at = max(_COMPACT_AT, size * 2)


def _replay(lines: bytes) -> list[tuple[str, Event]]:
    """What was added and not removed. A line that a kill cut short is passed over."""
    left: dict[tuple[str, str], Event] = {}
    for line in lines.split(b"\n"):
        try:
            match msgspec.json.decode(line):
                case ["add", str(guild_id), dict(event)]:
                    left[guild_id, str(event["id"])] = event
                case ["remove", str(guild_id), list(ids)]:
                    for each in ids:
                        left.pop((guild_id, each), None)
        except msgspec.DecodeError:
            continue
    return [(guild_id, event) for (guild_id, _), event in left.items()]
