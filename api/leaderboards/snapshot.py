"""A leaderboard of one moment, packed in memory: 16 bytes for each member. Pure."""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

Place = tuple[int, int]  # value, user

_WIDTH = 8  # bytes of a number


class Row(NamedTuple):
    """A member's place on a snapshot."""

    rank: int
    user_id: int
    value: int


class Snapshot:
    """Users and their values, in the order of the board, as PostgreSQL packs them: big-endian, 8 bytes each."""

    __slots__ = ("_users", "_values", "as_of", "count", "newest_member", "seconds")

    def __init__(self, users: bytes, values: bytes, *, as_of: datetime, newest_member: int, seconds: float) -> None:
        """`newest_member`: the highest `members.id` at that moment; later members have higher ones. `seconds`: how long
        the computation took."""
        self._users = users
        self._values = values
        self.count = len(users) // _WIDTH
        self.as_of = as_of
        self.newest_member = newest_member
        self.seconds = seconds

    @property
    def weight(self) -> int:
        """Bytes in memory, approximately."""
        return len(self._users) + len(self._values)

    def after(self, place: Place) -> int:
        """The position of the first member behind this place."""
        value, user_id = place
        first, end = self._tied(value)
        return bisect_right(range(end), user_id, first, end, key=self._user)

    def position(self, user_id: int) -> int | None:
        """The position of this member. None if they are not on the board."""
        wanted, found = struct.pack(">q", user_id), -1
        while (found := self._users.find(wanted, found + 1)) >= 0:
            if found % _WIDTH == 0:
                return found // _WIDTH
        return None

    def rows(self, first: int, count: int) -> Iterator[Row]:
        """The next `count` members from this position on. Members with equal values have the same rank."""
        count = max(min(count, self.count - first), 0)
        users = struct.unpack_from(f">{count}q", self._users, first * _WIDTH)
        values = struct.unpack_from(f">{count}q", self._values, first * _WIDTH)
        rank, previous = 0, None
        for place, (user_id, value) in enumerate(zip(users, values, strict=True), first + 1):
            if value != previous:
                rank = place if previous is not None else self._tied(value)[0] + 1
                previous = value
            yield Row(rank, user_id, value)

    def _tied(self, value: int) -> tuple[int, int]:
        """The range of positions whose members have this value."""
        everybody = range(self.count)
        return bisect_left(everybody, -value, key=self._falling), bisect_right(everybody, -value, key=self._falling)

    def _falling(self, position: int) -> int:
        return -int(struct.unpack_from(">q", self._values, position * _WIDTH)[0])

    def _user(self, position: int) -> int:
        return int(struct.unpack_from(">q", self._users, position * _WIDTH)[0])
