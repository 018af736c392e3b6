"""Values that are alike, kept once: for as long as anybody holds them."""

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Shared(Generic[T]):
    """Makes a value of a text, or gives the one that was made of it and is still held. `T` takes weak references."""

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._held: WeakValueDictionary[str, T] = WeakValueDictionary()

    def of(self, text: str) -> T:
        found = self._held.get(text)
        if found is None:
            found = self._held[text] = self._make(text)
        return found
