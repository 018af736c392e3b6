"""Fair shares of places. Pure."""

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Shares(Generic[Name]):
    """A number of places. Each is taken under one or more names. A name may have as many places as are then still free:
    alone it gets half of them, beside another one a third, and a newcomer still finds one."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._of: Counter[Name] = Counter()

    @property
    def free(self) -> int:
        return self._places - self._taken

    def has_room(self, *names: Name) -> bool:
        """Whether one more place may be taken under all of these names."""
        return all(self._of[name] < self.free for name in names) and self.free > 0

    def full(self) -> list[Name]:
        """The names that have their share."""
        return [name for name, count in self._of.items() if count >= self.free]

    def take(self, *names: Name) -> None:
        """Takes a place, whether or not there is room."""
        self._taken += 1
        self._of.update(names)

    def give_back(self, *names: Name) -> None:
        """Returns a place that was taken under these names."""
        self._taken -= 1
        self._of.subtract(names)
        for name in names:
            if self._of[name] <= 0:
                del self._of[name]
