"""Deadlines by the second: cheap to set, move and cancel for a hundred thousand items."""

from collections.abc import Hashable
from heapq import heappop, heappush
from math import ceil
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """One deadline per item; an item is due up to a second late, never early."""

    __slots__ = ("_items", "_seconds", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, set[T]] = {}
        self._seconds: list[int] = []
        self._items: dict[T, int] = {}

    def put(self, item: T, when: float) -> None:
        """Give the item this deadline instead of the one it had."""
        self.cancel(item)
        second = ceil(when)
        slot = self._slots.get(second)
        if slot is None:
            slot = self._slots[second] = set()
            heappush(self._seconds, second)
        slot.add(item)
        self._items[item] = second

    def cancel(self, item: T) -> None:
        """Forget the item's deadline, if it has one."""
        second = self._items.pop(item, None)
        if second is not None:
            self._slots[second].discard(item)

    def due(self, now: float) -> list[T]:
        """Take all items whose deadline has come."""
        due: list[T] = []
        while self._seconds and self._seconds[0] <= now:
            for item in self._slots.pop(heappop(self._seconds)):
                del self._items[item]
                due.append(item)
        return due
