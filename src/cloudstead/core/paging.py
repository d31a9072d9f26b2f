"""Pages: a bounded slice of a list, ordered by identifier, and the cursor that leads to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the caller asks for: at most ``limit`` items behind the item ``after``."""

    limit: int = 50
    after: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in order; ``after`` is the cursor for the next page, ``None`` on the last one."""

    items: tuple[T, ...]
    after: str | None
    total: int | None = None
