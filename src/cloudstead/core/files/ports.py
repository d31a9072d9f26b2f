"""What files need from a store of objects: a local folder, or S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime


class ObjectEntry(NamedTuple):
    """An object without its content. ``etag`` carries no quotes; ``size`` is in bytes."""

    path: str
    size: int
    etag: str
    modified_at: datetime


class ObjectStore(Protocol):
    """Objects by path (``<account>/<bucket>/<key>``); whole ones only: a reader never sees half a write."""

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        """Store or replace an object; it is durable when this returns."""
        ...

    async def head(self, path: str) -> ObjectEntry | None:
        """Return the entry of an object, ``None`` when there is none."""
        ...

    async def get(self, path: str) -> bytes | None:
        """Return a whole object, for those known to be small."""
        ...

    def stream(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``, in pieces."""
        ...

    async def list_after(self, prefix: str, *, after: str, limit: int) -> Sequence[ObjectEntry]:
        """Return entries below ``prefix`` that sort after ``after``, in the order of their paths as UTF-8."""
        ...

    async def delete(self, path: str) -> None:
        """Delete an object; nothing happens when there is none."""
        ...
