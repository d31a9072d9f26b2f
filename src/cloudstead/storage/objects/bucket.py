"""Objects in a bucket of Amazon S3, or of anything else that speaks its protocol."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError

from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.files.paths import is_storable, last_storable, require_storable
from cloudstead.core.files.ports import ObjectEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from obstore import ObjectMeta
    from obstore.store import ObjectStore as Store

_PIECE_BYTES: Final = 256 * 1024
_PAGE: Final = 1000  # what S3 gives at once


class BucketObjects:
    """Objects in ``store``, whose order of listing must be that of their paths as UTF-8, as it is in S3."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, path: str, content: bytes) -> ObjectEntry:
        """Store or replace an object; raise ``ValueError`` for an unstorable path, ``ObjectsUnavailable``."""
        require_storable(path)
        with _translated():
            await obstore.put_async(self._store, path, content)
            return _entry(await obstore.head_async(self._store, path))

    async def head(self, path: str) -> ObjectEntry | None:
        """Return the entry of an object, ``None`` when there is none; raise ``ObjectsUnavailable``."""
        if not is_storable(path):
            return None
        with _translated():
            try:
                return _entry(await obstore.head_async(self._store, path))
            except FileNotFoundError:
                return None

    async def get(self, path: str) -> bytes | None:
        """Return a whole object, for those known to be small; raise ``ObjectsUnavailable``."""
        if not is_storable(path):
            return None
        with _translated():
            try:
                found = await obstore.get_async(self._store, path)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def stream(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``; nothing when there is no such object."""
        if not is_storable(path) or start >= end:
            return
        with _translated():
            try:
                found = await obstore.get_async(self._store, path, options={"range": (start, end)})
            except FileNotFoundError:
                return
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    async def list_after(self, prefix: str, *, after: str, limit: int) -> Sequence[ObjectEntry]:
        """Return entries below ``prefix`` that sort after ``after``, in the order of their paths as UTF-8."""
        found: list[ObjectEntry] = []
        if after < prefix:
            # What is listed lies behind the place where listing begins, but an object called just like the prefix
            # belongs to it too.
            exact = await self.head(prefix)
            found += [] if exact is None else [exact]
            after = prefix
        if len(found) >= limit or (after > prefix and not after.startswith(prefix)):
            return found[:limit]
        # The library knows prefixes of whole segments only.
        folder = prefix.rpartition("/")[0]
        if folder and not is_storable(folder):
            return found
        room = limit - len(found)
        with _translated():
            async for page in obstore.list(
                self._store, folder or None, offset=last_storable(after), chunk_size=min(_PAGE, room)
            ):
                for each in page:
                    if not each["path"].startswith(prefix):
                        if each["path"] > prefix:
                            return found
                        continue
                    if each["path"] > after:
                        found.append(_entry(each))
                    if len(found) == limit:
                        return found
        return found

    async def delete(self, path: str) -> None:
        """Delete an object; nothing happens when there is none; raise ``ObjectsUnavailable``."""
        if not is_storable(path):
            return
        with _translated():
            try:
                await obstore.delete_async(self._store, path)
            except FileNotFoundError:
                return


@contextmanager
def _translated() -> Iterator[None]:
    """Tell what the library raises in our own words; what it says (addresses, keys of the provider) is the cause."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:  # a bucket that is not there is "not found" too
        raise ObjectsUnavailable from error


def _entry(meta: ObjectMeta) -> ObjectEntry:
    etag = (meta["e_tag"] or "").strip('"')
    return ObjectEntry(meta["path"], meta["size"], etag, meta["last_modified"].astimezone(UTC))
