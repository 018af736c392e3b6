"""Shared values: equal values are one object while anything refers to it."""

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Shared(Generic[T]):
    """Makes a value from a text, or returns the one that exists. `T` must support weak references."""

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._held: WeakValueDictionary[str, T] = WeakValueDictionary()

    def of(self, text: str) -> T:
        found = self._held.get(text)
        if found is None:
            found = self._held[text] = self._make(text)
        return found
