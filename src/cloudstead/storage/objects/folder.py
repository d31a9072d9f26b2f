"""Objects in a local folder: each is a file, replaced as a whole and on disk before ``put`` returns.

Only the owner of the process may read it. File systems block, so everything here happens in threads.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.files.paths import is_storable, require_storable
from cloudstead.core.files.ports import ObjectEntry
from cloudstead.storage.objects.names import Kind, decode_name, encode_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

_PIECE_BYTES: Final = 256 * 1024
_DRAFTS: Final = ".drafts"  # no path leads there: names of ours never begin with a dot
_TRIES: Final = 8


class FolderObjects:
    """Objects below ``root``, which exists and which this process alone writes to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / _DRAFTS

    @classmethod
    def open(cls, root: Path) -> FolderObjects:
        """Make the folder if need be, and remove what a crash may have left half-written; raise ``OSError``."""
        root.mkdir(mode=0o700, exist_ok=True)
        objects = cls(root)
        objects._drafts.mkdir(mode=0o700, exist_ok=True)
        for draft in objects._drafts.iterdir():
            draft.unlink(missing_ok=True)
        return objects

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        """Store or replace an object; it is durable when this returns. Raise ``ValueError`` for an unstorable path."""
        require_storable(path)
        return await asyncio.to_thread(self._put, path, content)

    async def head(self, path: str) -> ObjectEntry | None:
        """Return the entry of an object, ``None`` when there is none."""
        return await asyncio.to_thread(self._head, path) if is_storable(path) else None

    async def get(self, path: str) -> bytes | None:
        """Return a whole object, for those known to be small."""
        return await asyncio.to_thread(self._get, path) if is_storable(path) else None

    async def stream(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``; nothing when there is no such object."""
        handle = await asyncio.to_thread(self._open, path) if is_storable(path) else None
        if handle is None:
            return
        try:
            # The file stays the one that it was even when the object is replaced meanwhile.
            while start < end:
                piece = await asyncio.to_thread(os.pread, handle, min(_PIECE_BYTES, end - start), start)
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            os.close(handle)

    async def list_after(self, prefix: str, *, after: str, limit: int) -> Sequence[ObjectEntry]:
        """Return entries below ``prefix`` that sort after ``after``, in the order of their paths as UTF-8."""
        return await asyncio.to_thread(self._list_after, prefix, after, limit)

    async def delete(self, path: str) -> None:
        """Delete an object; nothing happens when there is none."""
        if is_storable(path):
            await asyncio.to_thread(self._delete, path)

    def _file(self, path: str) -> Path:
        return self._root.joinpath(*encode_path(path))

    def _put(self, path: str, content: bytes) -> ObjectEntry:
        file = self._file(path)
        with self._draft(content) as draft:
            for _ in range(_TRIES):
                self._make_folder(file.parent)
                # A folder may be taken away, being empty, between being made and being used.
                with suppress(FileNotFoundError):
                    status = draft.stat()
                    draft.replace(file)
                    _sync_folder(file.parent)
                    return _entry(path, status)
        raise FileNotFoundError(f"the folder of {path!r} is taken away again and again")

    @contextmanager
    def _draft(self, content: bytes) -> Iterator[Path]:
        draft = self._drafts / secrets.token_hex(16)
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each of them durably."""
        if folder == self._root or folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)

    def _head(self, path: str) -> ObjectEntry | None:
        try:
            return _entry(path, self._file(path).stat())
        except FileNotFoundError:
            return None

    def _get(self, path: str) -> bytes | None:
        try:
            return self._file(path).read_bytes()
        except FileNotFoundError:
            return None

    def _open(self, path: str) -> int | None:
        try:
            return os.open(self._file(path), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    def _delete(self, path: str) -> None:
        file = self._file(path)
        try:
            file.unlink()
        except FileNotFoundError:
            return
        _sync_folder(file.parent)
        folder = file.parent
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:  # it is not empty, or somebody else has just removed it
                return
            folder = folder.parent

    def _list_after(self, prefix: str, after: str, limit: int) -> list[ObjectEntry]:
        wanted = _Wanted(prefix, after, limit)
        return list(islice(_walk(self._root, "", wanted), limit))


class _Wanted(NamedTuple):
    """Which objects a listing is about."""

    prefix: str
    after: str
    limit: int

    def holds(self, path: str) -> bool:
        """Tell whether an object belongs to the listing."""
        return path > self.after and path.startswith(self.prefix)

    def may_lie_below(self, start: str) -> bool:
        """Tell whether paths that begin with ``start`` may belong to the listing."""
        if self.after > start and not self.after.startswith(start):
            return False
        return start.startswith(self.prefix) or self.prefix.startswith(start)


class _Child(NamedTuple):
    """Something in a folder; children sort as the paths below them do: by code points, which is by UTF-8."""

    start: str
    kind: Kind
    name: str


def _walk(folder: Path, start: str, wanted: _Wanted) -> Iterator[ObjectEntry]:
    """Yield what is wanted in ``folder``, whose objects' paths begin with ``start``, in the order of the paths.

    A folder is read once for each ``limit`` of children rather than sorted as a whole: it may hold a million.
    """
    last: _Child | None = None
    while batch := nsmallest(wanted.limit, _children(folder, start, wanted, last)):
        for child in batch:
            if child.kind is not Kind.OBJECT:
                yield from _walk(folder / child.name, child.start, wanted)
                continue
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield _entry(child.start, (folder / child.name).stat())
        last = batch[-1]


def _children(folder: Path, start: str, wanted: _Wanted, last: _Child | None) -> Iterator[_Child]:
    try:
        names = os.scandir(folder)
    except FileNotFoundError:
        return
    with names:
        for entry in names:
            if entry.name.startswith("."):
                continue
            piece, kind = decode_name(entry.name)
            child = _Child(start + piece + ("/" if kind is Kind.FOLDER else ""), kind, entry.name)
            is_wanted = wanted.holds if kind is Kind.OBJECT else wanted.may_lie_below
            if is_wanted(child.start) and (last is None or child > last):
                yield child


def _entry(path: str, status: os.stat_result) -> ObjectEntry:
    # Every write makes a new file, so these three tell one content from the next without reading either.
    mark = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}".encode()
    modified_at = datetime.fromtimestamp(status.st_mtime_ns // 1_000_000 / 1000, UTC)
    return ObjectEntry(path, status.st_size, blake2b(mark, digest_size=16).hexdigest(), modified_at)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
