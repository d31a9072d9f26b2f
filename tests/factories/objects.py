"""A store of objects in memory that can be told to fail, or to do what it is told and then fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING

from cloudstead.core.files.ports import ObjectEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@dataclass
class MemoryObjects:
    """The port ``ObjectStore``. ``failures`` of the next puts: before they store, or, with ``after``, behind it."""

    held: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    failures: int = 0
    failures_after: int = 0

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        if self.failures:
            self.failures -= 1
            raise OSError("no room")
        self.held[path] = content
        self.puts.append(path)
        if self.failures_after:
            self.failures_after -= 1
            raise OSError("the answer was lost")
        return self._entry(path)

    async def head(self, path: str) -> ObjectEntry | None:
        return self._entry(path) if path in self.held else None

    async def get(self, path: str) -> bytes | None:
        return self.held.get(path)

    async def stream(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        yield self.held[path][start:end]

    async def list_after(self, prefix: str, *, after: str, limit: int) -> Sequence[ObjectEntry]:
        found = sorted((path for path in self.held if path.startswith(prefix) and path > after), key=str.encode)
        return [self._entry(path) for path in found[:limit]]

    async def delete(self, path: str) -> None:
        self.held.pop(path, None)

    def _entry(self, path: str) -> ObjectEntry:
        content = self.held[path]
        return ObjectEntry(path, len(content), md5(content).hexdigest(), datetime(2026, 1, 1, tzinfo=UTC))
