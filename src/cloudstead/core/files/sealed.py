"""Sealed objects: what must not lie readable in a folder or a bucket is encrypted on its way there.

An object is sealed in pieces, so that a part of a large one can be read without the rest. Each piece says which object
it belongs to, at which path, and where in it: pieces moved, left out or taken from an older version do not open.
"""

from __future__ import annotations

import asyncio
import secrets
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.errors import SealBroken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.files.ports import ObjectEntry, ObjectStore

_PURPOSE: Final = "object"
_PIECE_BYTES: Final = 64 * 1024
_PLACE: Final = Struct(">16s16sII")  # path, version, number of the piece, how many there are
_SEAL_BYTES: Final = 29  # what Sealer.seal adds
_ADDED_BYTES: Final = _SEAL_BYTES + _PLACE.size
_SEALED_PIECE_BYTES: Final = _PIECE_BYTES + _ADDED_BYTES
_AT_ONCE_BYTES: Final = 256 * 1024
"""What is sealed on the event loop: it takes less than a millisecond."""


class SealedObjects:
    """Seals the objects at the paths that ``is_sealed`` tells, and passes on all others as they are."""

    def __init__(self, objects: ObjectStore, sealer: Sealer, *, is_sealed: Callable[[str], bool]) -> None:
        self._objects = objects
        self._sealer = sealer
        self._is_sealed = is_sealed

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        """Store or replace an object; it is durable when this returns."""
        if not self._is_sealed(path):
            return await self._objects.put(path, content)
        if len(content) <= _AT_ONCE_BYTES:
            sealed = self._seal(path, content)
        else:
            sealed = await asyncio.to_thread(self._seal, path, content)
        return _without_seal(await self._objects.put(path, sealed))

    async def head(self, path: str) -> ObjectEntry | None:
        """Return the entry of an object with the size of its content, ``None`` when there is none."""
        entry = await self._objects.head(path)
        return self._shown(entry) if entry is not None else None

    async def get(self, path: str) -> bytes | None:
        """Return a whole object; raise ``SealBroken`` for one that was not sealed here, or was tampered with."""
        sealed = await self._objects.get(path)
        if sealed is None or not self._is_sealed(path):
            return sealed
        if len(sealed) <= _AT_ONCE_BYTES:
            return self._open(path, sealed)
        return await asyncio.to_thread(self._open, path, sealed)

    def stream(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``; raise ``SealBroken``."""
        if not self._is_sealed(path):
            return self._objects.stream(path, start=start, end=end)
        return self._stream(path, start, end)

    async def list_after(self, prefix: str, *, after: str, limit: int) -> Sequence[ObjectEntry]:
        """Return entries below ``prefix`` that sort after ``after``, with the sizes of their contents."""
        return [self._shown(entry) for entry in await self._objects.list_after(prefix, after=after, limit=limit)]

    async def delete(self, path: str) -> None:
        """Delete an object; nothing happens when there is none."""
        await self._objects.delete(path)

    def _shown(self, entry: ObjectEntry) -> ObjectEntry:
        return _without_seal(entry) if self._is_sealed(entry.path) else entry

    def _seal(self, path: str, content: bytes) -> bytes:
        name, version = _name(path), secrets.token_bytes(16)
        count = max(1, -(-len(content) // _PIECE_BYTES))
        return b"".join(
            self._sealer.seal(
                _PLACE.pack(name, version, number, count)
                + content[number * _PIECE_BYTES : (number + 1) * _PIECE_BYTES],
                _PURPOSE,
            )
            for number in range(count)
        )

    def _open(self, path: str, sealed: bytes) -> bytes:
        pieces = _Pieces(self._sealer, path, len(sealed), first=0)
        starts = range(0, len(sealed), _SEALED_PIECE_BYTES)
        return b"".join(pieces.open(sealed[start : start + _SEALED_PIECE_BYTES]) for start in starts)

    async def _stream(self, path: str, start: int, end: int) -> AsyncIterator[bytes]:
        entry = await self._objects.head(path)
        if entry is None:
            return
        if entry.size < _ADDED_BYTES:
            raise SealBroken
        end = min(end, _content_bytes(entry.size))
        if start >= end:
            return
        first, last = start // _PIECE_BYTES, (end - 1) // _PIECE_BYTES
        pieces = _Pieces(self._sealer, path, entry.size, first=first)
        position = first * _PIECE_BYTES
        sealed = self._objects.stream(
            path, start=first * _SEALED_PIECE_BYTES, end=min((last + 1) * _SEALED_PIECE_BYTES, entry.size)
        )
        async for whole in _regrouped(sealed):
            piece = pieces.open(whole)
            yield piece[max(0, start - position) : end - position]
            position += len(piece)
        if position < end:
            raise SealBroken


class _Pieces:
    """Opens the pieces of one object, one after another, and insists that they are those."""

    def __init__(self, sealer: Sealer, path: str, sealed_bytes: int, *, first: int) -> None:
        self._sealer = sealer
        self._name = _name(path)
        self._count = -(-sealed_bytes // _SEALED_PIECE_BYTES)
        self._next = first
        self._version: bytes | None = None

    def open(self, sealed: bytes) -> bytes:
        plain = self._sealer.open(sealed, _PURPOSE)
        if len(plain) < _PLACE.size:
            raise SealBroken
        name, version, number, count = _PLACE.unpack_from(plain)
        if (name, number, count) != (self._name, self._next, self._count) or self._version not in {None, version}:
            raise SealBroken
        self._version = version
        self._next += 1
        return plain[_PLACE.size :]


async def _regrouped(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield sealed pieces, the last one shorter, from parts of any length."""
    held = bytearray()
    async for part in parts:
        held += part
        while len(held) >= _SEALED_PIECE_BYTES:
            yield bytes(held[:_SEALED_PIECE_BYTES])
            del held[:_SEALED_PIECE_BYTES]
    if held:
        yield bytes(held)


def _name(path: str) -> bytes:
    return sha256(path.encode()).digest()[:16]


def _content_bytes(sealed_bytes: int) -> int:
    return max(0, sealed_bytes - -(-sealed_bytes // _SEALED_PIECE_BYTES) * _ADDED_BYTES)


def _without_seal(entry: ObjectEntry) -> ObjectEntry:
    return entry._replace(size=_content_bytes(entry.size))
